import math

from generator import create_random

steps = 2000
heat = 0.03
caution = 0.12


def pack(n, seed):
    """Packs n circles into the unit square: a list of [x, y, r]. A pure function of n and seed."""
    random = create_random(seed)
    centers = place_on_grid(n, random)
    centers = anneal(centers, random)
    centers = polish(centers, random)
    return make_feasible(centers, radii_of(centers))


def place_on_grid(n, random):
    """Rows of a grid, a little disturbed."""
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    centers = []
    for i in range(n):
        x = (i % columns + 0.5) / columns + 0.05 * (random() - 0.5)
        y = (i // columns + 0.5) / rows + 0.05 * (random() - 0.5)
        centers.append((keep_inside(x), keep_inside(y)))
    return centers


def anneal(start, random):
    """Moves one center at a time; what is accepted becomes the next start."""
    current = start
    score = total(radii_of(current))
    for step in range(steps):
        progress = step / steps
        proposed = propose(current, 0.3 * (1 - progress), random)
        proposed_score = total(radii_of(proposed))
        if accepts(proposed_score - score, heat * (1 - progress), random):
            current = proposed
            score = proposed_score
    return current


def polish(start, random):
    """Small moves, of which only the better are kept."""
    current = start
    score = total(radii_of(current))
    for _ in range(500):
        proposed = propose(current, 0.05, random)
        proposed_score = total(radii_of(proposed))
        if proposed_score > score:
            current = proposed
            score = proposed_score
    return current


def propose(centers, size, random):
    """A copy in which one center has moved by at most `size` in each direction."""
    chosen = math.floor(random() * len(centers))
    x, y = centers[chosen]
    dx = size * (random() - 0.5)
    dy = size * (random() - 0.5)
    moved = (keep_inside(x + dx), keep_inside(y + dy))
    return centers[:chosen] + [moved] + centers[chosen + 1 :]


def accepts(gain, temperature, random):
    """Better is always accepted, worse with a probability that falls with the temperature."""
    return gain > 0 or random() < math.exp(gain / temperature)


def radii_of(centers):
    """Radii for fixed centers: everybody gets a share of the gap to the nearest neighbor, then all may grow."""
    radii = [min(wall_distance(center), 0.45 * nearest(centers, i)) for i, center in enumerate(centers)]
    grow(centers, radii)
    return radii


def grow(centers, radii):
    """Every radius in turn takes a part of the room that is left."""
    for i in range(len(radii)):
        room = room_for(centers, radii, i) - radii[i]
        radii[i] += 0.85 * room


def room_for(centers, radii, i):
    """The largest radius circle i could have if all others keep theirs."""
    room = wall_distance(centers[i])
    for j, other in enumerate(centers):
        if j != i:
            room = min(room, distance(centers[i], other) - radii[j])
    return room


def nearest(centers, i):
    least = 1
    for j, other in enumerate(centers):
        if j != i:
            least = min(least, distance(centers[i], other))
    return least


def make_feasible(centers, wanted):
    """Shrinks whatever overlaps or sticks out, and then everything by a share, to be on the safe side of rounding."""
    radii = [max(1e-6, min(r, wall_distance(center))) for r, center in zip(wanted, centers)]
    for i in range(len(radii)):
        for j in range(i):
            scale = distance(centers[i], centers[j]) / (radii[i] + radii[j])
            if scale < 1:
                radii[i] *= scale
                radii[j] *= scale
    return [[x, y, r * (1 - caution)] for (x, y), r in zip(centers, radii)]


def keep_inside(v):
    return min(0.99, max(0.01, v))


def wall_distance(center):
    x, y = center
    return min(x, y, 1 - x, 1 - y)


def distance(a, b):
    dx = a[0] - b[0]
    dy = a[1] - b[1]
    return math.sqrt(dx * dx + dy * dy)


def total(radii):
    """In this order and without sum(), which rounds differently from one version of Python to the next."""
    amount = 0
    for r in radii:
        amount += r
    return amount
