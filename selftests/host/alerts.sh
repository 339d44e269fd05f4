#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# M9: the examples for Prometheus and Grafana are well-formed. That each metric they name exists,
# net/had-metrics.sh shows. Debian's promtool comes with a server that starts by itself: it is used
# where it is there.

. "$(dirname "$0")/../lib/ktap.sh"

examples=$XFRM_HA_DIR/docs/examples
if command -v promtool > /dev/null; then
	check "alerts: rules" promtool check rules "$examples/prometheus/alerts.yml"
	check "alerts: which fire when" promtool test rules "$examples/prometheus/alerts_test.yml"
else
	say "there is no promtool"
fi
check "alerts: YAML" python3 -c '
import sys, yaml
for group in yaml.safe_load(open(sys.argv[1]))["groups"]:
    for rule in group["rules"]:
        assert rule["alert"] and rule["expr"] and rule["annotations"]["summary"], rule
' "$examples/prometheus/alerts.yml"
check "dashboard: JSON, each panel in its place" python3 -c '
import json, sys
panels = json.load(open(sys.argv[1]))["panels"]
assert all(p["title"] and p["targets"] for p in panels)
assert len({(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels}) == len(panels)
' "$examples/grafana/xfrm-ha.json"
ktap_finished
