// Package admin is the HTTP interface for people and probes. It is read-only, except for actions
// that need permission.
//
//	/                    an overview for people
//	/services            all services, for people: ?q=, ?only=, ?sort=, ?page= as in the API
//	/services/web        one service, for people
//	/consul              how Consul is asked and answers, for people; ?release=NAME or ?all=true shows how holds are released
//	/events              says that something has changed (server-sent events), for the pages
//	/metrics             for Prometheus
//	/healthz             200 while the program runs
//	/readyz              200 once there is something to serve, else 503 with the reason in words
//	/api/v1/status       what the page shows, as JSON
//	/api/v1/holds        losses in Consul that are not believed yet, as JSON
//	/api/v1/services     all services (see Services), as JSON: ?q=PART of the name, ?only=problems (or unhealthy,
//	                     down, left_out), ?sort=name (or instances, passing, warning, critical, maintenance,
//	                     problems, missing (of clients), changed; -name is descending), ?page=1, ?limit=100
//	/api/v1/services/web one service (see Service): its instances, its problems, and how it is reached, as JSON:
//	                     ?page= and ?limit= are of its instances
//	/api/v1/nodes        all clients with open streams (see Nodes), as JSON: ?q=PART of id, address, identity or cluster,
//	                     ?only=unsynced (or nacked, stale, not_sent, synced), ?sort=urgency (or id, behind, waiting,
//	                     streams), ?page=1, ?limit=100
//	/api/v1/nodes/edge-1 those with one id (see NodesOfID), and what they would get now, as JSON: ?resource=PART of its name,
//	                     ?page=1
//	/api/v1/changes      what changed lately (see Changes), as JSON, the newest first: ?service=NAME, ?kind=service (or
//	                     snapshot, policy, entry, hold, reload, more; several with commas between), ?since=10m (or a
//	                     time), ?limit=100, ?before=ID for the next page; ?after=ID is what came after that one, the
//	                     oldest first, and with ?wait=30s the answer waits until there is something
//	/api/v1/changes/ID   one change (see Changed), with some of the clients that have not acknowledged it, as JSON
//	/api/v1/consul       how Consul is asked and answers (see Consul), as JSON
//	/api/v1/openapi.json all of these calls, described for programs (OpenAPI)
//	/debug/config_dump   the resources of a view (?view=envoy@dc1, ?name=web), as JSON
//	/debug/pprof/        Go's profiles, if Config.Profiles
//
// All of these answer GET and HEAD only. They hold no secrets for anybody who may see the catalog:
// no tokens, no keys. There is no login: the listener is on loopback unless the user says
// otherwise. What shows the catalog, or changes something, is served only under Legate's own host
// names (see Config.Hosts). /metrics, /healthz and /readyz are served under any name, the last
// without reasons.
//
// Rooms.Actions are the calls that make changes. They need POST, and a unix socket or the token
// (see Config).
package admin
