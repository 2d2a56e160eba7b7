// Package guard decides which losses are believed.
//
// Consul can say by mistake, or fail to say, that instances exist: it lost its data, was restored, hides
// things from a token that lost its rights, was emptied by a tool gone wild. Who believes that at once
// takes all traffic away. A [State] is told what Consul says of each service, and decides what is served:
//
//   - What Consul adds, and what it says of health, is served at once.
//   - A loss is counted in instances that take traffic, as services shrink and not by name, and summed
//     up over Config.Window. If it is not suspicious it is believed at once.
//   - If it is, it is held: what is lost is served on as it was last seen, until two consistent reads
//     at least Config.Confirm apart lack it, and longer where [Config] says so.
//   - A service of which all was gone comes back one instance after the other. The rest is waited for: it is
//     believed to be lost once two consistent reads lack it that are Config.Confirm apart, from then on. What comes
//     back, goes and comes back again does not prolong that: each instance does so once.
//   - Each hold ends: what is held returns, is replaced or confirmed, or its time is over; or a person
//     releases it. What the operator does not select any more goes at once, held or not.
//   - The loss of a whole datacenter is told from a deliberate one by its breadth: who scales a service
//     from 50 to 5 touches one service, a Consul that forgets touches all. In a small datacenter
//     breadth says nothing, but an index that went back does.
//
// Consul's config entries are held like instances: see entries.go.
//
// It is a state machine without clock, goroutine or log: the same observations at the same times give the
// same decisions. Who calls [State.Step] asks Consul, counts and logs as each [Decision] says.
//
// # When is an empty service believed sooner?
//
// To keep a service's last instances costs failed connections instead of an immediate 503, and, if an
// address is given to somebody else meanwhile, requests at the wrong door. So it should not take
// Config.Empty where a person or a deploy tool has deregistered them. That is what happened if the
// instances were registered under other names since (an id is unique on its node), or if
//
//   - the index of the service's answer moved up from that of the last answer that had instances: a
//     lost, restored or younger Consul has lower indexes, a token that lost its rights moves none;
//   - the second consistent read agrees, and policies hide nothing from it;
//   - the list of services, read consistently at the same instant, has the others, and does not have
//     the service any more, unless it has instances that lost their tags or take no traffic;
//   - no index was seen to go back lately (Config.Reread), nor does the datacenter as a whole erode.
//
// Then Config.Confirm is enough. Less is not: an agent that lost its own state deregisters what it no
// longer knows, correctly as Consul sees it, and registers it again when the services come back.
package guard
