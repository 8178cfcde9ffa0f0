"""Certifies the measured gradient of a board.

At seeded, untrained conductances the gradient of every edge, measured by the learning rule, is compared with

- the exact adjoint (`truth`), if the bench is simulated, and
- central differences of the loss *measured on the same rig*, which need no model.

The verdict follows from the data: single edges must not deviate more than their uncertainty explains, and the bias of
the whole gradient, with the contribution of noise removed, must lie below a bound. A sweep of γ shows how the error of
the gradient grows (as γ² in a nonlinear network, not at all in a linear one). A null test shows what is measured at the
error tone while the error is off.
"""

from labrig.procedures.certify.certificate import Certificate, ExampleCertificate
from labrig.procedures.certify.procedure import BOUND, certify
from labrig.procedures.certify.verdict import Judgement, Verdict, judge

__all__ = ["BOUND", "Certificate", "ExampleCertificate", "Judgement", "Verdict", "certify", "judge"]
