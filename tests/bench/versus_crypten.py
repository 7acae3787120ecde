#!/usr/bin/env python3
"""Hush beside CrypTen 0.4.0 in one run: two processes each on this machine, one thread a party.

usage: versus_crypten.py [PI_BENCH]        by default apps/pi_bench
CrypTen must be importable by this Python, or by the one that $CRYPTEN_PYTHON names:
  apt-get install python3-torch; /usr/bin/python3 -m venv --system-site-packages ENV
  ENV/bin/pip install --no-deps crypten==0.4.0 'onnx==1.14.1' 'protobuf<5'
  ENV/bin/pip install omegaconf 'tensorboard<2.15'
  CRYPTEN_PYTHON=ENV/bin/python3 python3 tests/bench/versus_crypten.py
Where it is not, this says so and ends with status 77.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SIDE = HERE / "crypten_side.py"
OPS = ["--ops", "--groups", "relu,square", "--methods", "carry", "--repeat", "11",
       "--sizes", "1000", "12900", "100000", "491520"]
RESNET = ["--parties", "2", "--model", "resnet18", "--images", "15", "--net", "loopback"]
NETWORKS = {"resnet18 12900 shared": ["--budget", "12900"],
            "resnet18 491520 shared": ["--budget", "491520", "--relu", "carry"],
            "resnet18 0 public": ["--budget", "0", "--weights", "public"]}


def crypten_rows(python):
    """Both parties, each on a processor of its own, as pi_bench places its own."""
    processors = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        def start(rank):
            environment = dict(os.environ, RANK=str(rank), WORLD_SIZE="2",
                               DISTRIBUTED_BACKEND="gloo", RENDEZVOUS=f"file://{folder}/meet")
            place = {processors[rank * len(processors) // 2]}
            return subprocess.Popen(
                [python, str(SIDE)], env=environment, text=True, stderr=subprocess.DEVNULL,
                stdout=subprocess.PIPE if rank == 0 else subprocess.DEVNULL,
                preexec_fn=lambda: os.sched_setaffinity(0, place))
        parties = [start(0), start(1)]
        output, _ = parties[0].communicate()
        if any(party.wait() != 0 for party in parties):
            sys.exit("versus_crypten: CrypTen failed")
    return {row["case"]: row for row in map(json.loads, output.splitlines())}


def hush_rows(pi_bench):
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        def lines(arguments):
            path = pathlib.Path(folder) / "rows.jsonl"
            path.unlink(missing_ok=True)
            subprocess.run([pi_bench, *arguments, "--json", str(path)], check=True,
                           stdout=subprocess.DEVNULL)
            return [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines(OPS)[1:]:
            if "seconds" in line:
                rows[f"{line['group']} {int(line['count'])}"] = {
                    "online": line["median_seconds"], "rounds": line["rounds"],
                    "bytes": line["bytes_a_party"]}
        for case, arguments in NETWORKS.items():
            network = lines(RESNET + arguments)[-1]["networks"][0]
            rows[case] = {"online": network["online_median"], "rounds": network["rounds"],
                          "bytes": network["bytes_party0"]}
    return rows


def main():
    python = os.environ.get("CRYPTEN_PYTHON", sys.executable)
    check = ("import importlib.util as u, sys; "
             "sys.exit(0 if u.find_spec('crypten') and u.find_spec('torch') else 1)")
    if subprocess.run([python, "-c", check], check=False).returncode != 0:
        print(f"SKIPPED: {python} has no CrypTen, so nothing was compared; "
              "the top of versus_crypten.py says how to install it", file=sys.stderr)
        return 77
    pi_bench = sys.argv[1] if len(sys.argv) > 1 else str(HERE.parents[1] / "apps" / "pi_bench")
    theirs, ours = crypten_rows(python), hush_rows(pi_bench)
    print("online, one thread a party, median; CrypTen without the time of its provider\n")
    print("| | CrypTen ms | rounds | MB a party | Hush ms | rounds | MB a party | times as fast |")
    print("|" + " --- |" * 8)
    for case, row in theirs.items():
        mine = ours[case]
        # CrypTen counts what it sends and what it receives.
        print(f"| {case} | {1e3 * row['online']:.1f} | {row['rounds']} | {row['bytes'] / 2e6:.2f} | "
              f"{1e3 * mine['online']:.2f} | {mine['rounds']} | {mine['bytes'] / 1e6:.2f} | "
              f"{row['online'] / mine['online']:.0f} |")
    return 0


sys.exit(main())
