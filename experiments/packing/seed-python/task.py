import sys

sys.dont_write_bytecode = True  # what Python would leave beside the sources would be taken for part of the genome

import json

from pack import pack


def main():
    """Reads a situation {n, seed} and prints {circles: [[x, y, r], …]}."""
    situation = json.load(sys.stdin)
    print(json.dumps({"circles": pack(situation["n"], situation["seed"])}))


if __name__ == "__main__":
    main()
