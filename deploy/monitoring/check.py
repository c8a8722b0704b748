"""Holds rules, alerts and dashboards to what the controller exports: check.py SCRAPE PROMTOOL. Called by check."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

HERE = pathlib.Path(__file__).resolve().parent
FOREIGN = {"up"}
GIVEN = {"le", "device", "instance", "job", "gateway"}
problems = []


def expect(holds, what):
    if not holds:
        problems.append(what)


def exported(scrape):
    """Names of all series, and the labels that each family may have by docs/metrics.md."""
    names, labels = set(FOREIGN), {}
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", scrape, re.M):
        names |= {name + suffix for suffix in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    page = (HERE / "../../docs/metrics.md").read_text()
    for name, known in re.findall(r"^\| `(\w+)` \| \w+ \| \w* \| (.*?) \|", page, re.M):
        labels[name] = set(re.findall(r"`(\w+)`", known)) | GIVEN
    return names, labels


def bare(expr):
    """An expression without its texts, and with its variables filled in."""
    return re.sub(r'"[^"]*"', '""', expr)


def check_expr(place, expr, names, labels, recorded):
    text = bare(expr)
    used = set(re.findall(r"(?<![\w:$])((?:edge|process|up)[\w:]*)(?![\w:(])", re.sub(r"\b(by|without|on|ignoring) ?\([^)]*\)", "", text)))
    for name in used:
        known = name in recorded if ":" in name else name in names
        expect(known, f"{place}: {name} is not exported: {expr}")
    for name, selectors in re.findall(r"([\w:]+)\{([^}]*)\}", text):
        family = re.sub(r"_(bucket|sum|count)$", "", name) if name not in labels else name
        for label in re.findall(r"(\w+) ?[=!]", selectors):
            expect(label in labels.get(family, GIVEN), f"{place}: {name} has no label {label}")
    return used


def check_rules(names, labels):
    groups = [group for file in ("rules.yml", "alerts.yml") for group in yaml.safe_load((HERE / file).read_text())["groups"]]
    rules = [rule for group in groups for rule in group["rules"]]
    recorded = {rule["record"] for rule in rules if "record" in rule}
    tests = yaml.safe_load((HERE / "tests.yml").read_text())["tests"]
    tested = {case["alertname"] for test in tests for case in test.get("alert_rule_test", []) if case["exp_alerts"]}
    alerts = {}
    for rule in rules:
        name = rule.get("alert") or rule["record"]
        expect(check_expr(name, rule["expr"], names, labels, recorded), f"{name}: uses no metric")
        if "alert" in rule:
            expect(name not in alerts, f"{name}: there twice")
            alerts[name] = rule["labels"]["severity"]
            expect(alerts[name] in ("critical", "warning", "info"), f"{name}: severity {alerts[name]}")
            expect({"summary", "description"} == set(rule["annotations"]), f"{name}: summary and description")
            expect(name in tested, f"{name}: no test in tests.yml lets it come")
    inhibited = re.findall(r'alertname=~?"([^"]*)"', (HERE / "alertmanager.yml").read_text())
    for pattern in (part for text in inhibited for part in text.split("|")):
        expect(any(re.fullmatch(pattern, name) for name in alerts), f"alertmanager.yml: no alert {pattern}")
    return recorded


def panels_of(dashboard):
    return [inner for panel in dashboard["panels"] for inner in [panel, *panel.get("panels", [])]]


def check_dashboard(file, names, labels, recorded, promtool):
    dashboard = json.loads(file.read_text())
    place = file.name
    expect(dashboard["id"] is None, f"{place}: id is for the Grafana that it came from")
    expect(re.fullmatch(r"[\w-]{1,40}", dashboard["uid"]) and dashboard["title"], f"{place}: uid and title")
    expect(isinstance(dashboard["schemaVersion"], int) and dashboard["schemaVersion"] >= 36, f"{place}: schemaVersion")
    inputs = [entry["name"] for entry in dashboard["__inputs"] if entry["type"] == "datasource"]
    expect(inputs == ["DS_PROMETHEUS"] and "${DS_PROMETHEUS}" in file.read_text(), f"{place}: the input for the data source")
    variables = {entry["name"]: entry for entry in dashboard["templating"]["list"]}
    expect(variables["datasource"]["type"] == "datasource", f"{place}: the variable datasource")
    panels = panels_of(dashboard)
    expect(len({panel["id"] for panel in panels}) == len(panels), f"{place}: panels share an id")
    taken = set()
    exprs = [("variable", re.sub(r"label_values\((.*), \w+\)", r"\1", entry["query"]["query"])) for entry in variables.values() if entry["type"] == "query"]
    kinds = {entry["id"] for entry in dashboard["__requires"] if entry["type"] == "panel"}
    for panel in panels:
        where = f"{place}: panel {panel['title']}"
        grid = panel["gridPos"]
        expect(grid["x"] >= 0 and grid["w"] > 0 and grid["x"] + grid["w"] <= 24, f"{where}: beyond 24 columns")
        cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])}
        expect(not cells & taken, f"{where}: on another panel")
        taken |= cells
        if panel["type"] == "row":
            continue
        expect(panel["type"] in kinds, f"{where}: {panel['type']} is not in __requires")
        expect(panel["datasource"]["uid"] == "${datasource}", f"{where}: data source")
        expect(panel["description"], f"{where}: description")
        unit = panel["fieldConfig"]["defaults"].get("unit")
        expect(unit or panel["type"] in ("table", "heatmap", "state-timeline"), f"{where}: unit")
        expect(len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0, f"{where}: targets")
        exprs += [(where, target["expr"]) for target in panel["targets"]]
    rules = []
    for number, (where, expr) in enumerate(exprs):
        check_expr(where, expr, names, labels, recorded)
        unknown = set(re.findall(r"\$(\w+)", expr)) - set(variables) - {"__rate_interval"}
        expect(not unknown, f"{where}: variables {unknown}")
        expr = expr.replace("$__rate_interval", "5m").replace("$gateway", ".*").replace("$device", ".*")
        rules.append({"record": f"panel:{number}", "expr": expr})
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as out:
        yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}, out)
        out.flush()
        said = subprocess.run([promtool, "check", "rules", out.name], capture_output=True, text=True, check=False)
        expect(said.returncode == 0, f"{place}: {said.stderr}")
    return len(exprs)


def main():
    scrape, promtool = pathlib.Path(sys.argv[1]).read_text(), sys.argv[2]
    names, labels = exported(scrape)
    expect(len(names) > 60, f"only {len(names)} names in the scrape")
    recorded = check_rules(names, labels)
    dashboards = sorted((HERE / "grafana").glob("*.json"))
    expect(dashboards, "no dashboard")
    count = sum(check_dashboard(file, names, labels, recorded, promtool) for file in dashboards)
    most, fixed = re.search(r"(\d+) series a device with histograms, \d+ without, and (\d+) beside", (HERE / "../../docs/metrics.md").read_text()).groups()
    of_a_site, sites = re.search(r"(\d+) series a site, .* at most ([\d,]+) sites", (HERE / "../../docs/metrics.md").read_text()).groups()
    least = 1000 * int(most) + int(fixed) + int(of_a_site) * int(sites.replace(",", ""))
    for file in ("prometheus.yml", "agent.yml"):
        limit = next(job["sample_limit"] for job in yaml.safe_load((HERE / file).read_text())["scrape_configs"] if "sample_limit" in job)
        expect(limit >= least, f"{file}: sample_limit {limit} is below what 1,000 devices and all sites have")
    for file in ("promtail.yml",):
        yaml.safe_load((HERE / file).read_text())
    for problem in problems:
        print("FAILED:", problem)
    print(f"{len(recorded)} recording rules, {count} queries of dashboards, {len(problems)} problems")
    sys.exit(bool(problems))


main()
