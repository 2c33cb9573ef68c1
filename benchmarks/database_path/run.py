"""Runs the benchmark: `python run.py` for both tables, `--only speed` or `--only faults` for one."""

import argparse

import faults
import speed
from postgres import Postgres


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("speed", "faults"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    with Postgres() as postgres:
        if options.only != "faults":
            print(speed.measure(postgres, options.rounds, options.seconds, options.connections), flush=True)
        if options.only != "speed":
            print(faults.measure(postgres), flush=True)


if __name__ == "__main__":
    main()
