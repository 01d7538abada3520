"""What of a patient's cells is compared with a reference group's."""

SHAPES = ("area", "perimeter", "eccentricity", "form_factor", "solidity", "mean_intensity")
CENTRAL = 0.95  # share of the reference's cells that is called its usual range
FEWEST = 30  # whole cells below which a reference tells no range; not stated, ours
