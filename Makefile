# make help lists the targets. Third-party programs (Consul, Envoy, Prometheus, the linter) are downloaded or
# built once, into the user's cache folder, in the versions that tools/ pins.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# The race detector needs a C compiler; without one the tests still run.
RACE := $(shell CC="$$(go env CC)"; command -v $${CC%% *} >/dev/null 2>&1 && echo -race)

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/legate
LINT_VERSION := $(shell sed -n 's|.*golangci/golangci-lint/v2 \(v[^ ]*\).*|\1|p' tools/lint/go.mod)
LINT := $(CACHE)/lint/golangci-lint-$(LINT_VERSION)

# Programs that make releases, each in a folder of its own, since GoReleaser looks for the other on the PATH.
pinned = $(shell sed -n 's|.*$(1) \(v[^ ]*\).*|\1|p' tools/release/go.mod)
GORELEASER := $(CACHE)/release/goreleaser-$(call pinned,goreleaser/goreleaser/v2)/goreleaser
CYCLONEDX := $(CACHE)/release/cyclonedx-gomod-$(call pinned,CycloneDX/cyclonedx-gomod)/cyclonedx-gomod

# GoReleaser asks for the address of a remote, and without one it forgets the commit, too. It sends nothing there.
REMOTE = $(shell git ls-remote --get-url >/dev/null 2>&1 || echo GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=remote.origin.url GIT_CONFIG_VALUE_0=none)
GORELEASE = $(REMOTE) PATH="$(dir $(CYCLONEDX)):$$PATH" $(GORELEASER) release --clean

PROGRAM := legate

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## show what Legate does, with real programs: Consul, services, Legate, Envoy, traffic
	@go run ./internal/parts/fetch Consul Envoy
	@./legate demo $(DEMO)

# In these packages and their tests nothing is concurrent (internal/house checks that): the race detector has
# nothing to find there, and takes several times as long.
SEQUENTIAL := ./translate ./discovery/guard

.PHONY: test
test: parts ## all tests, those with a real Consul and a real Envoy included
	@$(MAKE) --no-print-directory -j2 test-concurrent test-sequential

# Cached results are not used: Go cannot know what the programs that tests run were built from. make lint runs
# go vet. Tests wait for much of their time, so more packages than cores run at once; the longest one comes
# first, since at the end it would be alone. A program with the race detector sleeps for a second before it
# exits, in case that others of its goroutines still run; tests start hundreds of them, which join theirs.
.PHONY: test-concurrent
test-concurrent:
	GORACE=atexit_sleep_ms=0 go test $(RACE) -vet=off -p 3 -count=1 -timeout 14m ./internal/e2e $$(go list ./... | grep -vxF "$$(go list $(SEQUENTIAL))")

.PHONY: test-sequential
test-sequential:
	go test -vet=off -count=1 $(SEQUENTIAL)
	go -C tools/promql test -count=1 ./...
	go -C tools/mutants test -count=1 ./...
	go -C tools/dashboards test -count=1 ./...

.PHONY: test-short
test-short: ## the tests that need no external program, in under a minute
	@# Much of their time is waiting, so more packages than cores run at once.
	go test -short -p 6 -parallel 8 -timeout 2m ./...

.PHONY: build
build: ## build ./legate: static, it needs nothing from the machine that it runs on
	@CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $(PROGRAM) .

.PHONY: parts
parts: ## download or build the pinned Consul, Envoy and Prometheus, once
	@go run ./internal/parts/fetch

.PHONY: lint
lint: $(LINT) ## gofmt, go vet and golangci-lint with few, reasoned linters
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	go vet ./...
	$(LINT) run ./...

$(LINT):
	@echo "building golangci-lint $(LINT_VERSION), once: 2 to 5 minutes"
	@mkdir -p $(dir $(LINT))
	@cd tools/lint && go build -trimpath -ldflags "-s -w" -o $(LINT).tmp$$$$ github.com/golangci/golangci-lint/v2/cmd/golangci-lint && mv $(LINT).tmp$$$$ $(LINT)

.PHONY: snapshot
snapshot: $(GORELEASER) $(CYCLONEDX) ## make archives and packages of what is here, into dist/, with a version before the next one
	$(GORELEASE) --snapshot

.PHONY: release
release: $(GORELEASER) $(CYCLONEDX) ## make archives and packages of the tag of this commit, into dist/
	@git describe --exact-match --tags --match 'v[0-9]*' HEAD >/dev/null 2>&1 || { \
		echo "this commit has no tag, which is the version: make one with \"git tag -a v0.1.0 -m v0.1.0\"; \"make snapshot\" needs none" >&2; exit 1; }
	$(GORELEASE) --skip=publish,announce

.PHONY: packages-test
packages-test: $(GORELEASER) $(CYCLONEDX) ## check archives and packages: contents, two equal builds, install to purge; as root on Debian the commands of docs/install.md
	go -C tools/release test -count=1 -timeout 20m ./...

$(GORELEASER):
	@echo "building GoReleaser, once: 5 to 10 minutes"
	@mkdir -p $(dir $@)
	@cd tools/release && go build -trimpath -ldflags "-s -w" -o $@.tmp$$$$ github.com/goreleaser/goreleaser/v2 && mv $@.tmp$$$$ $@

$(CYCLONEDX):
	@mkdir -p $(dir $@)
	@cd tools/release && go build -trimpath -ldflags "-s -w" -o $@.tmp$$$$ github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod && mv $@.tmp$$$$ $@

.PHONY: golden
golden: ## rewrite the expected results of the translate stories, docs/metrics.md and the settings in docs/configure.md; review the diff
	go test ./translate -update
	go test ./internal/cli -run TheSettingsOfServe -update
	go test ./metrics -run Reference -update

.PHONY: deploy-test
deploy-test: ## check the Dockerfile, compose.yaml, the Helm chart and the Nomad jobs with the code of those who read them, and run compose.yaml with real programs; needs root
	@# go vet would look at all of Helm, BuildKit and Kubernetes, too.
	go -C tools/deploy test -vet=off -count=1 -timeout 10m ./...

.PHONY: deploy-golden
deploy-golden: ## write what the chart makes to tools/deploy/testdata, and the bootstrap into compose.yaml; review the diff
	go -C tools/deploy test -vet=off -count=1 -run 'TheChartMakes|ComposesEnvoy' -update ./...

.PHONY: dashboards
dashboards: ## write the Grafana dashboards of examples/grafana from tools/dashboards; review the diff
	go -C tools/dashboards run .

.PHONY: pictures
pictures: parts tools/draw/node_modules ## draw the dashboards with Grafana's own panels into docs/pictures, during a story that takes STORY=1h; needs Node.js and Chromium
	cd tools/draw && npm test
	go test ./internal/grafanatest/live -run '^TestPictures$$' -count=1 -v -timeout 3h -pictures $(CURDIR)/docs/pictures -story $(or $(STORY),1h)

tools/draw/node_modules: tools/draw/package-lock.json
	cd tools/draw && npm ci
	@touch $@

.PHONY: fuzz
fuzz: parts ## run each fuzz target for half a minute, and load 2,000 random policies into a real Envoy
	@grep -rn --include='*_test.go' -o '^func Fuzz[A-Za-z]*' . | sed -E 's|^(.*)/[^/]*:[0-9]+:func (.*)|\1 \2|' | while read -r dir target; do \
		echo "$$dir $$target"; go test $$dir -run '^$$' -fuzz "^$$target$$" -fuzztime 30s -fuzzminimizetime 10x || exit 1; done
	@for seed in 2 3 4 5 6 7 8; do LEGATE_DRAWN_SEED=$$seed go test ./internal/e2e -run '^TestARealEnvoyAcceptsEveryPolicy' -count=1 || exit 1; done

.PHONY: mutants
mutants: ## change the code of PKG place by place and show what no test notices: PKG=./discovery/watch FILES='judge*.go' MUTANTS='-run Believed'
	@go -C tools/mutants run . -module ../.. -pkg $(PKG) -files '$(or $(FILES),*.go)' $(MUTANTS)

.PHONY: bench-follow
bench-follow: ## what 1, 10 and 30 Legates cost a Consul server and its client agent, with --follow all and wanted
	go run ./internal/bench/scale -case F -span 10s

.PHONY: bench
bench: ## compare Legate with a bare gRPC server and go-control-plane's caches, as ratios; SCALE=full for the table of the README (13 minutes); then what policy costs
	go run ./internal/bench -scale $(or $(SCALE),quick)
	go test ./translate ./internal/bridge -run '^$$' -bench 'Polic|ANewDefault|SingleChanges'

.PHONY: latency
latency: parts ## measure the time from a write to Consul until Envoy shows it: median and p99 of 50 changes
	go test ./internal/e2e -run '^TestLatency$$' -count=1 -v -latency

.PHONY: replicas
replicas: parts ## two Legates behind one bootstrap, found by address and by Consul's DNS: one is killed, one upgraded, and no request fails
	go test ./internal/e2e -run TwoLegatesBehindOneBootstrap -replicas -v -count 1

.PHONY: chaos
chaos: parts ## run every fault of the fault suite, and those in which the alerts fire, about an hour; the tables go to chaos/results
	@mkdir -p chaos/results
	go test ./internal/chaos -run "TestFaults|TestAlerts" -chaos -results $(CURDIR)/chaos/results -count 1 -timeout 90m

HOURS ?= 1
.PHONY: soak
soak: parts ## run random changes, faults and restarts against a model, HOURS=1
	@mkdir -p chaos/results
	go test ./internal/chaos -run TestSoak -soak $(HOURS) -results $(CURDIR)/chaos/results -count 1 -timeout 0

.PHONY: support
support: parts ## try older versions: ENVOY=1.39.3,1.36.4 of tools/envoy/older, CONSUL=1.20.6 of tools/consul/older or paths; 2 to 4 minutes for each
	go run ./internal/support -envoy '$(if $(ENVOY)$(CONSUL),$(ENVOY),$(basename $(notdir $(wildcard tools/envoy/older/*.txt))))' \
		-consul '$(if $(ENVOY)$(CONSUL),$(CONSUL),$(notdir $(wildcard tools/consul/older/*)))'

.PHONY: check
check: ## run what CI runs
	.ci/run
