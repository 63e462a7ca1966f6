# `make help` lists the targets. Everything is made inside this folder; `make servers` alone installs Debian packages.
SHELL := /bin/bash
# where it is set, each process compiles Keystone and SQLAlchemy anew: 2.5 s instead of none
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
ENGINE ?= sqlite
SUITE ?= all
RELEASE ?= 30
PYTEST := $(BIN)/python -m pytest
EXCLUDED := slow or twin or faults or keystone24 or releases or galera or cassandra
# what the tests need inside another release's environment, beside Keystone and the product
SITE_PACKAGES := gunicorn psycopg2-binary PyMySQL

.DEFAULT_GOAL := help
.PHONY: help venv check demo servers test-bridges test-upgrade-kills test-upgrade-waits test-upgrade-sides test-upgrade-rules upgrade-demo pictures lint format test test-records test-tempest test-sites test-pairs test-engines test-costs test-hostile test-replay test-attack test-faults test-galera cassandra test-cassandra test-upstream test-upstream-stock test-deploy \
	test-upstream-capture test-keystone-24 test-releases galera samples packages reference docs clean

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9%-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(VENV)/.stamp ## .venv with Keystone 30 and all tools

$(VENV)/.stamp: pyproject.toml tools/make-venv
	@tools/make-venv $(VENV) -e '.[dev]'
	@touch $@

venv-%: .venvs/%/.stamp ## .venvs/N with Keystone N.0.0 (25, 27, 28, 29; 24 with SQLAlchemy 1.4; cockroach: 30 with CockroachDB's dialect)
	@:

# (releases before 26 use what oslo.context 5.3 and bcrypt 4.1 have taken away)
.venvs/25/.stamp: EXTRA := 'SQLAlchemy<2.1' 'bcrypt<4.1' 'oslo.context<5.3'
.venvs/24/.stamp: EXTRA := 'SQLAlchemy<2' 'setuptools<70' 'bcrypt<4.1' 'oslo.context<5.3'
.venvs/%/.stamp: pyproject.toml tools/make-venv
	@mkdir -p .venvs
	@tools/make-venv .venvs/$* 'keystone==$*.0.0' $(EXTRA) $(SITE_PACKAGES) -e .
	@touch $@
.PRECIOUS: .venvs/%/.stamp

# CockroachDB's dialect does not take the SQLAlchemy of .venv
.venvs/cockroach/.stamp: pyproject.toml tools/make-venv
	@mkdir -p .venvs
	@tools/make-venv .venvs/cockroach 'keystone==30.0.0' $(SITE_PACKAGES) -e '.[cockroachdb]'
	@touch $@

servers: ## PostgreSQL, MariaDB, memcached, OpenLDAP, HAProxy, PgBouncer, Apache and Chromium from Debian, where missing (root); MySQL unpacked in .cache/mysql
	@tools/install-servers
	@tools/fetch-mysql .cache/mysql || echo "the tests on MySQL will be skipped" >&2
	@tools/fetch-promtool .cache/tools || echo "the alert rules will not be checked by Prometheus itself" >&2

demo: venv ## three Keystones in three regions, one set of identities; ARGS: --once --json FILE --rtt MS
	@$(BIN)/python -W ignore -m keystone_viaduct.cli.main demo $(ARGS)

galera: venv servers ## a Galera cluster of three sites with a WAN between them (root); ARGS: --rtt MS --quick
	@$(BIN)/python -m keystone_viaduct.testing.galera $(ARGS)

lint: venv ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: venv lint ## lint and the unit tests, which need no server
	$(PYTEST) -q -n 2 --dist loadfile tests/unit -m "not ($(EXCLUDED) or postgresql or mariadb or mysql or keystone or ldap)" $(ARGS)

format: venv ## rewrite the sources as ruff formats them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: venv $(VENV)/.upstream venv-27 venv-cockroach servers lint ## all but the slow tests; ARGS goes to pytest
	$(PYTEST) -q -n 2 --dist loadfile --no-loadscope-reorder --disable-warnings -m "not ($(EXCLUDED))" $(ARGS)

$(VENV)/.upstream: $(VENV)/.stamp
	@LDAP=1 tools/install-servers
	@tools/make-venv $(VENV) -e '.[upstream]' && touch $@ || \
		echo "python-ldap could not be built (Debian: gcc python3-dev libldap2-dev libsasl2-dev): no upstream tests, none with LDAP" >&2

# Keystone's suites of another release, and on CockroachDB, run in an environment of their own
UPSTREAM := $(if $(filter 30,$(RELEASE)),,.venvs/$(RELEASE)/.upstream)
UPSTREAM += $(if $(filter cockroach%,$(ENGINE)),.venvs/cockroach/.upstream)
UPSTREAM += $(if $(filter cassandra,$(ENGINE)),cassandra,$(if $(filter cassandra-memory,$(ENGINE)),,servers))
# what takes an hour or more goes on by test id where it was broken off
STATE := $(if $(filter cassandra,$(ENGINE)),--state .cache/upstream/$(ENGINE)-$(SUITE)-$(RELEASE))

test-upstream: $(VENV)/.upstream $(UPSTREAM) ## Keystone's own suites: ENGINE (sqlite, postgresql, cassandra, …), SUITE (drivers, v3, all), RELEASE (30, 27)
	$(BIN)/python -m tests.upstream.run --engine $(ENGINE) --suite $(SUITE) --release $(RELEASE) $(STATE) $(ARGS)

test-upstream-stock: $(VENV)/.upstream ## Keystone's own suites on SQLite, stock and ours, compared test by test (SUITE)
	$(BIN)/python -m tests.upstream.run --engine sqlite --suite $(SUITE) --compare-stock $(ARGS)

.venvs/%/.upstream: .venvs/%/.stamp
	@LDAP=1 tools/install-servers
	@tools/make-venv .venvs/$* -e '.[upstream,cassandra]' && touch $@
.PRECIOUS: .venvs/%/.upstream

test-upstream-capture: $(VENV)/.upstream ## Keystone's SQL and v3 identity tests with and without capture, compared
	$(BIN)/python -m tests.upstream.capture $(ARGS)

test-galera: venv servers ## Keystone on a Galera cluster of three sites (root)
	$(PYTEST) -q -m galera $(ARGS)

cassandra: ## the jars of a real Cassandra, by Maven, into .cache/cassandra (needs a JDK 17 and Debian's maven)
	@tools/fetch-cassandra .cache/cassandra

test-cassandra: venv cassandra ## records and drivers on a real Cassandra, which the tests start
	$(PYTEST) -q -m cassandra tests/conformance/cassandra tests/integration/cassandra $(ARGS)

test-faults: venv servers ## processes killed, roads cut, clocks wrong, disks full, backups put back; ARGS: --schedules N --seed S
	$(BIN)/python -W ignore -m tests.faults.run $(ARGS)

test-bridges: venv servers ## generated workloads on bridged columns; ARGS: --cases N --seed S --engine E --operation O
	$(BIN)/python -W ignore -m tests.bridges.run $(ARGS)

test-upgrade-kills: venv servers ## the runner of upgrades killed at random moments; ARGS: --kills N --seed S --engine E
	$(BIN)/python -W ignore -m tests.upgrades.kills $(ARGS)

test-upgrade-waits: venv servers ## a reader holds the table in each phase of an upgrade: no request waits; ARGS: --hold S --engine E
	$(BIN)/python -W ignore -m tests.upgrades.waits $(ARGS)

test-upgrade-sides: venv servers ## old and new code write the same records of two tables: no deadlock; ARGS: --seconds S --engine E
	$(BIN)/python -W ignore -m tests.upgrades.sides $(ARGS)

test-upgrade-rules: venv servers ## each clause of the rules of a bridge broken: a named test notices; ARGS: --rule N --quick
	$(BIN)/python -W ignore -m tests.upgrades.mutations $(ARGS)

upgrade-demo: venv venv-24 venv-25 servers ## Keystone 24 becomes 25 under load, and back again: ENGINE (postgresql, mariadb, mysql, galera); ARGS: --requests N --round back --json FILE
	@$(BIN)/python -W ignore -m tests.upgrades.demo --engine $(if $(filter sqlite,$(ENGINE)),postgresql,$(ENGINE)) $(ARGS)

test-records: venv servers ## records at random on fleets of different engines: each arrives or is named; ARGS: --records N --seed S
	$(BIN)/python -W ignore -m tests.records.run $(ARGS)

# Tempest has requirements of its own, which need not go with Keystone's
.venvs/tempest/.stamp: tools/make-venv
	@mkdir -p .venvs
	@tools/make-venv .venvs/tempest tempest keystone-tempest-plugin
	@touch $@

test-tempest: venv .venvs/tempest/.stamp servers ## Tempest's identity tests and Keystone's plug-in at a spoke of a working fleet, twice on one database; ARGS: --rounds N --tests REGEX --engines HUB,SPOKE,OTHER --logs FOLDER
	$(BIN)/python -W ignore -m tests.tempest.run $(ARGS)

test-sites: venv $(VENV)/.upstream servers ## a directory of a thousand people, an identity provider at two sites, several workers behind HAProxy and PgBouncer
	$(PYTEST) -v -m slow tests/integration/ldap tests/integration/federation tests/integration/proxies $(ARGS)

test-hostile: venv ## what a limited site may try, each attempt with a twin that it may do
	$(BIN)/python -W ignore -m tests.simulation.hostile

test-replay: venv ## what was once seen of a hostile site, played again on two real Keystones
	$(PYTEST) -v -m slow tests/integration/api/test_replay.py tests/integration/api/test_replay_agent.py tests/attack $(ARGS)

test-attack: venv servers ## a limited spoke attacks for ten minutes, with everything at once; what others feel; ARGS: --seconds N --state DIR
	$(BIN)/python -W ignore -m tests.attack.run $(ARGS)

test-deploy: venv servers ## what is shipped for deployment: packages, WSGI servers, the image's commands on real sites
	$(PYTEST) -q tests/unit/deploy tests/integration/deploy $(ARGS)

test-costs: venv servers ## what a page costs, for each kind, in statements, rows and bytes; ARGS: --n N --engine E
	$(BIN)/python -W ignore -m tests.costs.run $(ARGS)

test-pairs: venv venv-27 servers ## fleets of two on the pairs of engines that `make test` leaves out: odd names and values, every kind, joining, adopting
	$(PYTEST) -q -m slow tests/integration/fleet tests/integration/joining tests/integration/adopt $(ARGS)

test-engines: venv $(VENV)/.upstream venv-27 servers ## the tests on the engines for which another one stands in `make test`
	$(PYTEST) -q -n 2 --dist loadfile -m twin $(ARGS)

test-keystone-24: venv venv-24 servers ## Keystone 24 (2023.2, SQLAlchemy 1.4) as a site
	$(PYTEST) -q -m keystone24 $(ARGS)

test-releases: venv venv-29 venv-28 venv-27 venv-24 ## Keystone 30, 29, 28, 27 and 24 in one fleet
	$(PYTEST) -q -m releases $(ARGS)

pictures: venv servers ## the dashboard in light and dark, wide and narrow, into .cache/pictures; those that docs/ has, there too
	@mkdir -p .cache/pictures
	VIADUCT_PICTURES=.cache/pictures $(PYTEST) -q tests/browser/test_pages.py -k "shuts or well or thousand" $(ARGS)
	@for name in docs/how-to/pictures/*.png; do cp ".cache/pictures/$$(basename "$$name")" "$$name"; done

reference: venv ## what the reference shows of commands, options, kinds and metrics, anew from the code
	$(BIN)/python -m tools.reference
	$(BIN)/python -m tools.tables

samples: venv ## the samples of deploy/keystone, anew from the options and the policy rules
	$(BIN)/oslo-config-generator --config-file deploy/keystone/config-generator.conf
	$(BIN)/oslopolicy-sample-generator --config-file deploy/keystone/policy-generator.conf

packages: venv ## a wheel and a source archive in dist/, which twine finds fit
	rm -rf build dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*

docs: venv ## the documentation as a site, into site/
	$(BIN)/mkdocs build --strict --quiet

clean: ## what can be made again, but not the environments
	rm -rf build dist site demo-run *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find keystone_viaduct tests tools -name __pycache__ -prune -exec rm -rf {} +
