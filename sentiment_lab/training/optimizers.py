"""The six optimizers and their learning-rate schedules."""

from __future__ import annotations

import math
from typing import Any

from sentiment_lab.config.settings import OptimizerConfig
from sentiment_lab.models.backend import keras, ops


class WarmupSchedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A linear warm-up to the peak, then a constant, cosine or exponential schedule.

    With t the step from 0, w the warm-up steps, n all steps, f the final fraction, p = (t - w) / (n - 1 - w):

    - t < w:       peak (t + 1) / w, so that the rate of the first step is above 0
    - constant:    peak
    - cosine:      peak (f + (1 - f) (1 + cos(pi p)) / 2), without restarts (Loshchilov and Hutter 2017)
    - exponential: peak f^p

    The last two start at the peak (t = w), reach peak f at the last step (t = n - 1), and stay there.
    """

    def __init__(self, optimizer: OptimizerConfig, steps: int) -> None:
        self.optimizer = optimizer
        self.steps = steps
        self.warmup_steps = round(optimizer.warmup * steps)

    def __call__(self, step: Any) -> Any:
        """Return the rate, float32 scalar, of an integer step counted from 0."""
        step = ops.cast(step, "float32")
        peak = self.optimizer.learning_rate
        rising = peak * (step + 1.0) / max(self.warmup_steps, 1)
        return ops.where(step < self.warmup_steps, rising, peak * self._decay(step))

    def _decay(self, step: Any) -> Any:
        final = self.optimizer.final_fraction
        progress = ops.clip((step - self.warmup_steps) / max(self.steps - 1 - self.warmup_steps, 1), 0.0, 1.0)
        if self.optimizer.schedule == "cosine":
            return final + (1.0 - final) * 0.5 * (1.0 + ops.cos(math.pi * progress))
        if self.optimizer.schedule == "exponential":
            return ops.exp(math.log(final) * progress)
        return ops.ones_like(progress)


def build_optimizer(optimizer: OptimizerConfig, steps: int) -> keras.optimizers.Optimizer:
    """Build the optimizer of a training of `steps` steps in all; its rate follows `WarmupSchedule`.

    All other settings are Keras' defaults, which are the published ones: adam and adamw (Kingma and Ba 2015; Loshchilov
    and Hutter 2019), nadam (Dozat 2016), rmsprop (Tieleman and Hinton 2012), sgd with classical momentum, lion (Chen
    et al. 2023). Weight decay is decoupled for all of them and applies to all variables, biases included: each step
    starts with w -= learning_rate * weight_decay * w.
    """
    shared: dict[str, Any] = {
        "learning_rate": WarmupSchedule(optimizer, steps),
        "global_clipnorm": optimizer.global_clipnorm,
        "weight_decay": optimizer.weight_decay or None,
        "name": optimizer.name,
    }
    match optimizer.name:
        case "adam":
            return keras.optimizers.Adam(**shared)
        case "adamw":
            return keras.optimizers.AdamW(**{**shared, "weight_decay": optimizer.weight_decay})
        case "nadam":
            return keras.optimizers.Nadam(**shared)
        case "rmsprop":
            return keras.optimizers.RMSprop(momentum=optimizer.momentum, **shared)
        case "sgd":
            return keras.optimizers.SGD(momentum=optimizer.momentum, **shared)
        case "lion":
            return keras.optimizers.Lion(**shared)
