// Package guard decides which losses are believed.
//
// Consul can say by mistake, or fail to say, that instances exist: its data was lost, an older snapshot
// was restored, a token lost its rights, a tool has gone wild. Who believes that at once takes all
// traffic away. A [State] is told what Consul says of each service, and decides what is served of it.
// What may be relied on:
//
//   - What Consul adds, and what it says of health, is served at once.
//   - A loss is counted in instances that take traffic, as services shrink and not by name, and summed
//     up over Config.Window for each service and for the datacenter. A loss that is not suspicious is
//     believed at once.
//   - A suspicious one is held: what is lost is served on as it was last seen, until two consistent
//     reads at least Config.Confirm apart lack it, and longer where [Config] says so.
//   - Each hold ends: what is held returns, is replaced or confirmed, or its time is over; or a person
//     releases it. Then all that was held is gone at once.
//   - What the operator does not select any more goes at once, held or not.
//   - Losses of a whole datacenter are told from deliberate ones by their breadth: who scales a service
//     from 50 to 5 touches one service, a Consul that forgets touches all. In a small datacenter
//     breadth says nothing, but an index that went back does.
//
// The package is a state machine: [State.Step] takes an observation and the time, and gives a
// [Decision]. The same observations at the same times give the same decisions. There is no clock, no
// goroutine and no log in it: who calls it asks Consul, counts and logs as the decisions say.
//
// # When is an empty service believed sooner?
//
// A service without instances cannot be served either way: keeping its last instances costs
// failed connections instead of an immediate 503, and, if an address is given to somebody else
// meanwhile, requests at the wrong door. So it should not take a minute where a person or a
// deploy tool has just deregistered it. That is what happened if all of this holds:
//
//   - The index of the service's answer moved up from that of the last answer that had instances.
//     A lost, restored or younger Consul has lower indexes; a token that lost its rights moves none.
//   - The second consistent read, Config.Confirm later, agrees, and policies hide nothing from it.
//   - The list of services, read consistently at the same instant, does not have the service any
//     more, and has the others: a deregistration touches both tables and nothing else. Where
//     instances are lost because they lost their tags, it has the service still.
//   - No index was seen to go back lately (Config.Reread), and the datacenter as a whole is not
//     eroding: then nothing is evidence.
//
// Or the instances were registered under other names since: an id is unique on its node.
//
// With this evidence Config.Confirm is enough, without it Config.Empty must pass. It is not
// believed at once even with evidence: an agent that lost its own state deregisters what it no
// longer knows, correctly as Consul sees it, and registers it again when the services come back.
package guard
