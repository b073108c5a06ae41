import sys

sys.dont_write_bytecode = True  # what Python would leave beside the sources would be taken for part of the genome

import json

from grade import grade


def main():
    """Reads a situation {problem, reference?, guidelines?, response} and prints {points}: 0, 1, 6, 7, or null."""
    points = grade(json.load(sys.stdin.buffer))
    print(json.dumps({"points": points}, separators=(",", ":")))


if __name__ == "__main__":
    main()
