"""python -m qbwc_server.mapping: renews the generated tables of the README and the schema of profiles."""

from pathlib import Path

from qbwc_server.mapping.document import write

if __name__ == "__main__":
    here = Path(__file__).parent
    write(here / "README.md", here.parents[1] / "schemas" / "profiles" / "profile.schema.json")
