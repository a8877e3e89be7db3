# make          analyse the study; does nothing when neither study.toml nor the data have changed
# make check    look at the study file and the data without analysing them
SURVMODEL ?= survmodel

.PHONY: run check

run: results/.complete

results/.complete: study.toml $(wildcard data/*.csv data/*.xlsx)
	$(SURVMODEL) run study.toml --out results
	@touch $@

check:
	$(SURVMODEL) check study.toml --out check
