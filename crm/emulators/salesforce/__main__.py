"""`python -m crm.emulators.salesforce`: an organisation to play with until SIGTERM or Ctrl-C."""

import argparse
import signal
import threading
from pathlib import Path

from . import SalesforceEmulator


def main() -> None:
    options = _options()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with SalesforceEmulator(options.state, port=options.port) as emulator:
        if not emulator.records("Account"):
            _fill(emulator, options)
        print(emulator.url, flush=True)
        done.wait()


def _fill(emulator: SalesforceEmulator, options: argparse.Namespace) -> None:
    emulator.seed_accounts(options.accounts, options.seed, awkward=options.awkward)
    emulator.seed_products(options.products, options.seed)
    if options.opportunities:
        emulator.seed_opportunities(options.opportunities, options.seed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m crm.emulators.salesforce", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free port (default)")
    parser.add_argument("--accounts", type=int, default=30, help="accounts to make in an empty organisation")
    parser.add_argument("--products", type=int, default=0, help="products with prices to make")
    parser.add_argument("--opportunities", type=int, default=0, help="opportunities with lines to make")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same records")
    parser.add_argument("--awkward", action="store_true", help="also accounts that are hard for QuickBooks")
    parser.add_argument("--state", type=Path, help="a SQLite file to keep the records in")
    return parser.parse_args()


if __name__ == "__main__":
    main()
