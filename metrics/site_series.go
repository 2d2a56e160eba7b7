package metrics

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// siteSeries are the series of a site, without the labels that say which: whoever collects them adds those. So the
// series of the own datacenter stay when its name becomes known. Sites beyond the limit share some.
type siteSeries struct {
	registry *prometheus.Registry

	mu    sync.Mutex
	users []*Consul

	queries     *questions
	indexResets prometheus.Counter
	signals     prometheus.Counter
	rereads     *prometheus.CounterVec
	rejected    *prometheus.CounterVec
	holdsEnded  *prometheus.CounterVec

	services, massCritical                          prometheus.Gauge
	index, instances, entries, watches, holds, kept *prometheus.GaugeVec
}

// unlisted is why a site as a whole is held: Consul does not list it any more.
const unlisted = "site"

// Values of labels. All are always exported: a state without instances is 0, not missing.
var (
	healths      = []string{"passing", "warning", "critical", "maintenance"}
	entryKinds   = []string{"proxy-defaults", "service-defaults", "service-resolver"} // those that are watched
	indexQueries = []string{"catalog", "services", "entries"}
	watchModes   = []string{"direct", "swept"}
	outcomes     = []string{
		"changed", "unchanged",
		"unreachable", "timeout", "wait_cut", "denied", "busy", "unavailable", "refused", "garbage", "doubtful", "filtered", "foreign",
	}
	rejections = []string{
		"status", "unreadable", "no_index", "index_one", "index_back", "index_stuck",
		"filtered", "hidden", "contradicted", "foreign",
	}
	suspicions   = []string{"emptied", "shrunk", "catalog", "datacenter", "doubted", "entry", "entry_hidden", "entry_reverted"}
	holdReasons  = append(slices.Clone(suspicions), unlisted)
	holdOutcomes = []string{"confirmed", "evident", "expired", "released", "returned", "replaced", "dropped"}
)

// newSiteSeries declares the series of a site within the topic about Consul, and makes the two topics that follow.
func newSiteSeries(watch declarer) *siteSeries {
	s := &siteSeries{registry: watch.registry, queries: newQuestions(watch)}
	watch.gaugeOf("legate_consul_last_success_timestamp_seconds",
		"When Consul last gave an answer that was believed, in Unix time. 0: never.", s.oldest)
	s.index = watch.once("Consul has answered").gauges("legate_consul_index",
		"Raft index of the last believed answer by query.", of("query", indexQueries...))
	s.indexResets = watch.counter("legate_consul_index_resets_total",
		"Indexes that went back or were unusable, so that a query started over.")
	s.watches = watch.gauges("legate_consul_watches",
		"Services followed by a blocking query of their own (direct), or read in turn and when signals name them, because connections are short (swept).",
		of("mode", watchModes...))
	s.signals = watch.counter("legate_consul_signals_total",
		"Services without a blocking query of their own that a signal named, to be read again at once.")
	s.rereads = watch.by("discovery").counters("legate_consul_rereads_total",
		"Services that were read again in turn by result: the same as believed, or different.", of("result", "same", "different"))

	guard := watch.about("Answers that are not believed", "What Legate keeps although Consul says otherwise, and why; [when.md](when.md) says what to do.", "discovery")
	s.rejected = guard.by("discovery/watch").counters("legate_consul_answers_rejected_total",
		"Answers of Consul that were not believed by reason; what was last believed stays.", of("reason", rejections...))
	s.holds = guard.gauges("legate_holds",
		"Services, and config entries, of which a loss is held, not believed yet, by reason. site: Consul does not list it any more, and it is kept.", of("reason", holdReasons...))
	s.kept = guard.gauges("legate_holds_instances",
		"Instances that are kept although Consul says that they are gone, by reason.", of("reason", suspicions...))
	s.holdsEnded = guard.counters("legate_holds_ended_total",
		"Holds that ended by outcome: believed (confirmed, evident, expired, released), or given up (returned, replaced, dropped).",
		of("outcome", holdOutcomes...))
	s.massCritical = guard.gauge("legate_mass_critical", "1 while most of the datacenter turned critical at once and stays so.")

	catalog := watch.about("Catalog", "What Consul has, as far as it is believed.", "discovery")
	s.services = catalog.gauge("legate_catalog_services", "Services in the catalog as last believed.")
	s.instances = catalog.gauges("legate_catalog_instances", "Service instances in the catalog as last believed by health.", of("health", healths...))
	s.entries = catalog.gauges("legate_catalog_entries",
		"Consul's config entries in the catalog as last believed by kind. 0 if they are not watched.", of("kind", entryKinds...))
	return s
}

func (s *siteSeries) with(c *Consul) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = append(s.users, c)
}

// without returns how many others use the series.
func (s *siteSeries) without(c *Consul) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = slices.DeleteFunc(s.users, func(u *Consul) bool { return u == c })
	return len(s.users)
}

// oldest returns when the one of the users that has been silent longest gave an answer, in seconds of Unix time.
func (s *siteSeries) oldest() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := int64(math.MaxInt64)
	for _, u := range s.users {
		oldest = min(oldest, u.fresh.Load())
	}
	return float64(oldest) / 1e9
}

// questions counts queries by outcome. Each answer of Consul is counted here, so the series are looked up once.
type questions struct {
	all   []question
	count *prometheus.CounterVec
}

type question struct {
	outcome string
	count   prometheus.Counter
	took    func() prometheus.Observer // has its first series when a query has ended so
}

func newQuestions(d declarer) *questions {
	q := &questions{count: d.counters("legate_consul_queries_total", "Finished queries to Consul by outcome.", of("outcome", outcomes...))}
	took := d.once("a query has ended so").histograms("legate_consul_query_duration_seconds",
		"How long finished queries to Consul took by outcome. Blocking queries wait in Consul until something changes.",
		queryBuckets, of("outcome", outcomes...))
	for _, outcome := range outcomes {
		q.all = append(q.all, question{
			outcome, q.count.WithLabelValues(outcome),
			sync.OnceValue(func() prometheus.Observer { return took.WithLabelValues(outcome) }),
		})
	}
	return q
}

// ended counts a query. They are few outcomes: to go through them costs less than a map.
func (q *questions) ended(outcome string, took time.Duration) {
	for i := range q.all {
		if q.all[i].outcome == outcome {
			q.all[i].count.Inc()
			q.all[i].took().Observe(took.Seconds())
			return
		}
	}
	q.count.WithLabelValues(outcome).Inc()
}
