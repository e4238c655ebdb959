# What a developer runs. Everything else is plain go commands.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
CUE         = cuelang.org/go/cmd/cue@v0.17.1
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
PLATFORMS   = linux/amd64 linux/arm64 darwin/amd64 darwin/arm64
DECODERS    = $(shell cat testdata/decode/required)

.PHONY: build demo test check golden faults bench peers lab tools decoders cross vuln clean

build: ## bin/satchel
	CGO_ENABLED=0 go build -trimpath -o bin/satchel ./cmd/satchel

demo: ## a reference spec to a verified bundle, against stand-ins
	go run ./cmd/demo

test: ## all tests that this machine can run
	go test ./...

check: ## what a reviewer should not have to say
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	go vet ./... && go vet -tags lab ./...
	go run $(STATICCHECK) ./... && go run $(STATICCHECK) -tags lab ./...
	shellcheck .ci/run
	cd templates && shellcheck --external-sources --source-path=. *.sh steps/*.sh checks/*.sh lessons/*.sh
	go run $(CUE) fmt --check ./schema/... ./bundles/... ./testdata/specs/...
	@go generate ./schema/v1 && git diff --exit-code --stat -- schema/v1 || (echo 'the generated types were stale; they are new now' >&2; exit 1)

golden: build ## rewrite the committed trees and the expected output of the scripts
	for spec in bundles/*/; do bin/satchel render $$spec -o $${spec}tree || exit 1; done
	SATCHEL_GOLDEN=1 go test ./cmd/satchel -run TestScripts
	SATCHEL_GOLDEN=1 go test ./internal/sbom -run Golden
	SATCHEL_GOLDEN=1 go test ./internal/review -run Golden

faults: ## commands killed at 50 random moments each, a disk full at 20 byte counts, four processes in one cache (root, some minutes)
	SATCHEL_FAULTS=all SATCHEL_TOOLS=required go test -timeout 60m -v ./cmd/satchel -run 'TestKilledAt|TestADiskThatIsFull|TestFourProcesses'

bench: peers ## benchmarks with allocations and throughput, beside what others do
	PATH="$(CURDIR)/build/peers:$$PATH" go test -run '^$$' -bench . -benchmem ./...

peers: ## crane, regctl and oras for the benchmarks; skopeo is Debian's
	cd testdata/clients && go build -o ../../build/peers/ tool

lab: ## install bundles on booted Debian hosts (root, Debian, about 10 minutes the first time)
	SATCHEL_TOOLS=required go test -tags lab -timeout 60m -v ./internal/lab/...

tools: ## what tests build of others: they do not fetch modules, and should not wait for kubeadm's decoders to compile
	cd testdata/apis && go mod download
	cd testdata/clients && go mod download
	for v in $(DECODERS); do (cd testdata/decode/$$v && go build -o /dev/null .) || exit 1; done

decoders: ## kubeadm of every minor release judges its configs (half an hour the first time)
	$(MAKE) tools DECODERS="$(notdir $(wildcard testdata/decode/v*))"
	SATCHEL_DECODERS=all SATCHEL_TOOLS=required go test -timeout 60m ./internal/render -run Kubeadm

cross: ## satchel for every platform that it runs on
	for p in $(PLATFORMS); do GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 go build -trimpath -o build/satchel-$${p%/*}-$${p#*/} ./cmd/satchel || exit 1; done

vuln: ## known vulnerabilities in what satchel calls
	go run $(GOVULNCHECK) ./...

clean:
	rm -rf bin build
