def create_random(seed):
    """A small generator (mulberry32): the same numbers for the same seed, on every machine."""
    state = seed & 0xFFFFFFFF

    def random():
        nonlocal state
        state = (state + 0x6D2B79F5) & 0xFFFFFFFF
        t = ((state ^ (state >> 15)) * (state | 1)) & 0xFFFFFFFF
        t ^= (t + (t ^ (t >> 7)) * (t | 61)) & 0xFFFFFFFF
        return (t ^ (t >> 14)) / 4294967296

    return random
