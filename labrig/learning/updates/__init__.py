"""Updates: one file each, found by the name in `learning.update`."""

from labrig.extensions import Extensions
from labrig.learning.updates.ladder import within
from labrig.learning.updates.update import Rate, Update, UpdateState

UPDATES = Extensions(
    noun="update",
    package="labrig.learning.updates",
    own={
        "gradient_descent": "GradientDescent",
        "stochastic_rounding": "StochasticRounding",
        "sign": "SignDescent",
        "momentum": "Momentum",
        "desynchronized": "Desynchronized",
    },
    kind=Update,
)

__all__ = ["UPDATES", "Rate", "Update", "UpdateState", "within"]
