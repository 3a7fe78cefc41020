# make check before each commit; .ci/run is what CI runs.

.PHONY: build check test race lint fuzz bench e2e ui

GOLANGCI_VERSION = v2.15.0
TOOLS           ?= $(CURDIR)/bin/tools
FUZZTIME        ?= 10s

build:
	go build -o bin/ ./...

check: fmt vet lint test

.PHONY: fmt vet
fmt:
	@files=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$files" || { echo "gofmt these: $$files"; exit 1; }

vet:
	go vet ./...

test:
	go test ./...

race:
	go test -race ./...

lint: $(TOOLS)/golangci-lint
	$(TOOLS)/golangci-lint run ./...

$(TOOLS)/golangci-lint:
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

# Every fuzz target of the tree, FUZZTIME each.
fuzz:
	.ci/fuzz $(FUZZTIME)

# The hot path against bench/results/micro.txt; more allocations fail.
bench:
	.ci/bench

# The dashboard in a real browser, against the real programs.
e2e:
	.ci/browser

# The dashboard's page, dashboard/web -> dashboard/dist; both are committed.
ui: dashboard/web/node_modules
	cd dashboard/web && npm run check && npm test && npm run build

dashboard/web/node_modules: dashboard/web/package-lock.json
	cd dashboard/web && npm ci --ignore-scripts
	touch $@
