"""What a run may be: one dataclass for each config group, with the rule of every value.

The values themselves live in `conf/`. The strings under the fields are their documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sentiment_lab.config.schema import Rule, above, at_least, fraction, option

PARTS = ("train", "validation", "test")
"""Names of the parts of a split, in order."""
_SIZE = Rule(
    "a count (0 or more whole reviews) or a fraction in (0, 1)",
    lambda size: size >= 0 if isinstance(size, int) else 0 < size < 1,
)
_SEED = Rule("in [0, 2^32)", lambda seed: 0 <= seed < 2**32)
"""What scikit-learn takes."""
_NAME = Rule(
    "one line of 1 to 250 characters",
    lambda text: 0 < len(text) <= 250 and text.isprintable() and text.strip() == text,
)
_PATH = Rule("a path", lambda text: bool(text.strip()) and "\0" not in text)
_HASH = Rule("a hash of 64 hexadecimal digits", lambda text: len(text) == 64 and set(text) <= set("0123456789abcdef"))


@dataclass(kw_only=True)
class ImdbData:
    """The Large Movie Review Dataset v1.0 (Maas et al., ACL 2011), or any file in one of its forms."""

    source: Literal["imdb"]
    path: str | None = option(_PATH, identity=False)
    """Archive, unpacked folder, CSV (also zipped) or parquet file; null looks in the usual places, then downloads."""
    unlabelled: bool = option()
    """Also read the 50,000 reviews that have no label."""
    limit: int | None = option(at_least(10))
    """Keep this many labelled reviews: the same ones in whatever order the file holds them. Null keeps all."""
    expect: str | None = option(_HASH)
    """The data_hash that the reviews must have; null takes any."""


@dataclass(kw_only=True)
class GeneratedData:
    """Film-review-like text from a grammar of our own, whose difficulty is known."""

    source: Literal["generated"]
    reviews: int = option(at_least(10))
    """Labelled reviews, half of them positive."""
    unlabelled: int = option(at_least(0))
    """Further reviews without a label."""
    length: int = option(at_least(10))
    """Mean length of a review in tokens; a larger `distance` makes reviews longer."""
    distance: int = option(at_least(0))
    """Neutral tokens between a cue and the words that it turns."""
    turned: float = option(fraction(below_one=False))
    """Share of reviews whose label a distant cue decides; the rest say it outright."""
    seed: int = option(at_least(0))
    """Seed of the text; it is not the seed of the run."""
    expect: str | None = option(_HASH)
    """The data_hash that the reviews must have; null takes any."""


DataConfig = ImdbData | GeneratedData


@dataclass(kw_only=True)
class SplitConfig:
    """Which review goes into which part."""

    method: Literal["article", "shuffled", "official"]
    train: int | float | None = option(_SIZE)
    """Size of the training part; null is what the other parts leave. Fractions are of all labelled reviews; those of
    the official split are of its published training part."""
    validation: int | float | None = option(_SIZE)
    """Size of the validation part, carved from train."""
    test: int | float | None = option(_SIZE)
    """Size of the test part; null for the official split, whose test part is given."""
    validation_is_test: bool = option()
    """Follow the test part epoch by epoch under the name validation, as the article does."""
    seed: int = option(_SEED)
    """Seed of the shuffle alone, so that the split stays put while the run's seed varies."""


@dataclass(kw_only=True)
class TextConfig:
    """From text to token ids."""

    lowercase: bool = option()
    vocabulary_size: int = option(at_least(3))
    """Token ids in use, padding (0) and unknown (1) included; the rest are the most frequent words of train."""
    min_count: int = option(at_least(1))
    """Words seen less often in train are unknown."""
    max_length: int = option(at_least(1))
    """Tokens kept of each review."""
    keep: Literal["last", "first"]
    """Which end of a review that is too long is kept."""
    padding: Literal["masked", "left"]
    """How reviews in a batch come to one length. Masked: on the right, and the network skips it, so that a prediction
    does not depend on its batch. Left: to `max_length`, unmasked, so that the network reads it like a word; that is
    what `pad_sequences` does by default, and the article."""
    embedding_init: Literal["uniform", "cooccurrence", "cooccurrence_nb"] = option(added="uniform")
    """What a network's embedding starts from. Uniform: chance. Cooccurrence: which words the training part, and the
    reviews without a label where `data.unlabelled` reads them, put near each other. Cooccurrence_nb: the same, and the
    last dimension is the log-ratio of each word in positive and negative reviews of the training part."""
    order: Literal["kept", "shuffled", "windows", "reversed"] = option(added="kept")
    """Order of the words that are left of each review: as written, drawn within the review, drawn within every
    `order_window` words, or backwards. What is drawn is the same for every `seed`."""
    test_order: Literal["kept", "shuffled", "windows", "reversed"] | None = option(added=None)
    """The same for the test part alone, to test a network without the sentences it learned from; null is `order`."""
    order_window: int = option(at_least(2), added=5)
    """Words that are drawn among each other where an order is `windows`."""

    @property
    def pad_left_to(self) -> int | None:
        """Tokens that each review is padded to on the left; None where padding is masked."""
        return self.max_length if self.padding == "left" else None


@dataclass(kw_only=True)
class RecurrentModel:
    """Embedding, one or more recurrent layers, pooling over time, one logit."""

    family: Literal["recurrent"]
    cell: Literal["simple_rnn", "gru", "lstm"]
    bidirectional: bool = option()
    units: list[int] = option(at_least(1))
    """One entry for each layer, for each direction."""
    pooling: Literal["last", "max", "mean", "max_mean"]
    """How the states over time become one vector; `last` is the state after the last token of each direction."""
    embedding_size: int = option(at_least(1))
    embedding_dropout: float = option(fraction())
    """Share of embedding dimensions dropped for a whole review (Gal and Ghahramani 2016)."""
    dropout: float = option(fraction())
    """Share of activations dropped between recurrent layers and before the output."""
    recurrent_dropout: float = option(fraction())
    """Share of the recurrent state dropped; above 0 it leaves the fused GPU path."""


@dataclass(kw_only=True)
class LinearModel:
    """A linear classifier on word n-grams; `text`, `optimizer` and `training` do not apply to it."""

    family: Literal["tfidf_logistic", "nb_svm"]
    ngrams: int = option(at_least(1))
    """Longest n-gram, in words."""
    min_count: int = option(at_least(1))
    """Reviews of the training part that must hold an n-gram."""
    C: float = option(above(0))
    """Inverse strength of the regularisation, as in scikit-learn."""
    unit_length: bool = option(added=False)
    """Of nb_svm alone: scale each review's n-grams, times their log-count ratios, to length 1, so that a long review
    pulls no harder than a short one. tfidf_logistic always does."""


ModelConfig = RecurrentModel | LinearModel


@dataclass(kw_only=True)
class OptimizerConfig:
    """A Keras optimizer and the course of its learning rate."""

    name: Literal["adam", "adamw", "nadam", "rmsprop", "sgd", "lion"]
    learning_rate: float = option(above(0))
    """The peak of the schedule."""
    schedule: Literal["constant", "cosine", "exponential"]
    warmup: float = option(fraction())
    """Share of all steps in which the rate rises linearly to its peak."""
    final_fraction: float = option(above(0), fraction(below_one=False))
    """Rate at the last step as a fraction of the peak, for cosine and exponential."""
    weight_decay: float = option(at_least(0))
    """Decoupled weight decay a step, times the learning rate; 0 is off."""
    global_clipnorm: float | None = option(above(0))
    """Largest norm of all gradients together (Pascanu et al. 2013); null is off."""
    momentum: float = option(fraction())
    """Of sgd and rmsprop alone."""


@dataclass(kw_only=True)
class TrainingConfig:
    """How long, on what batches, and which epoch's weights are kept."""

    epochs: int = option(at_least(1))
    batch_size: int = option(at_least(1))
    crop_length: int | None = option(at_least(1), added=None)
    """Tokens of the one window, drawn anew in each epoch, that is read of a longer review in training; validation and
    test are read whole. Null reads all."""
    batching: Literal["similar_length", "shuffled"]
    """Batches of reviews of similar length waste little on padding; `shuffled` mixes all lengths."""
    selection: Literal["best", "last"]
    """The epoch whose weights are kept and tested."""
    monitor: Literal["validation_loss", "validation_accuracy"]
    """What makes an epoch the best, and what `patience` waits for."""
    patience: int | None = option(at_least(1))
    """Epochs without improvement before training stops; null trains all epochs."""
    averaging: Literal["none", "ema"]
    """Weights that are evaluated and kept: the trained ones, or their exponential moving average over steps."""
    averaging_decay: float = option(fraction())
    label_smoothing: float = option(fraction())
    word_dropout: float = option(fraction(), added=0.0)
    """Share of tokens that a network reads as unknown in training."""
    adversarial: float = option(at_least(0), added=0.0)
    """Adversarial training (Miyato et al. 2017): each step also learns from the reviews with their embedded tokens
    moved so as to raise the loss, by this share of their norm. It doubles the time of a step; 0 is off."""
    deterministic: bool = option()
    """Use deterministic kernels only: the same config gives the same weights."""


@dataclass(kw_only=True)
class StudyConfig:
    """The question that the run belongs to; its name is the MLflow experiment."""

    name: str = option(_NAME)
    question: str | None = option()
    choose: str | None = option(added=None)
    """A swept setting that validation chooses, such as optimizer.learning_rate: its values are tried with the first
    seed, by `training.monitor`, and the other seeds run with the best one."""
    trials: int = option(at_least(1), added=20)
    """Trials of a search (hydra/sweeper=sentiment_lab_optuna)."""
    seeds: int = option(at_least(1), added=1)
    """Seeds of each trial, from `seed` on; its value is the mean over them."""
    sampler: Literal["tpe", "cmaes", "grid", "random"] = option(added="tpe")
    """How a search proposes settings."""
    pruner: Literal["none", "median", "hyperband"] = option(added="none")
    """What ends a run of a search that does worse than others did by the same epoch."""
    objective: Literal["accuracy", "accuracy_and_seconds"] = option(added="accuracy")
    """What a search optimises: the best validation accuracy, or that and the seconds of training."""


@dataclass(kw_only=True)
class TrackingConfig:
    """What is mirrored to MLflow."""

    enabled: bool = option()
    uri: str | None = option()
    """Null takes MLFLOW_TRACKING_URI, then the SQLite store below `paths.store`."""
    figures: bool = option()
    model: bool = option()
    """Log the trained model, which takes raw text."""
    system_metrics: bool = option()


@dataclass(kw_only=True)
class LaunchConfig:
    """How runs are executed."""

    executor: Literal["inline", "pool", "ray", "slurm"] = option(added="inline")
    """What runs the jobs of a sweep: this process, worker processes on this machine, a Ray cluster, or Slurm."""
    progress: Literal["auto", "bar", "lines", "none"]
    """What a run says while it trains; auto is a bar in a terminal and lines elsewhere."""
    threads: int | None = option(at_least(1))
    """Processor threads of TensorFlow; null is all."""
    checkpoint_minutes: float | None = option(at_least(0), added=5.0)
    """Minutes between checkpoints within an epoch; null writes them between epochs alone."""
    workers: int | None = option(at_least(1), added=None)
    """Worker processes of the pool; null is one for each `threads` cores, or for each core. In Slurm, how many of the
    jobs run at once; null is as many as the queue lets."""
    runs_per_worker: int = option(at_least(1), added=50)
    """Runs after which a worker is replaced."""
    worker_growth_mib: int = option(at_least(1), added=2048)
    """Memory that a worker may take beyond that after its first run before it is replaced."""
    minutes_per_run: float | None = option(above(0), added=None)
    """Minutes after which a worker's run is ended and counted as failed; it can go on from its last checkpoint. Null is
    no limit. In Slurm, the time that a job asks for."""
    address: str | None = option(added=None)
    """Ray's cluster, host:port; null starts one on this machine."""
    cluster: Literal["slurm", "local"] = option(added="slurm")
    """Where submitit sends jobs to: Slurm, or processes on this machine, to try it."""
    partition: str | None = option(added=None)
    """Slurm's partition; null is its default."""
    cpus_per_run: int = option(at_least(1), added=1)
    """Processors that a run on a cluster asks for, and its threads where `threads` is null."""
    gpus_per_run: int = option(at_least(0), added=0)
    """GPUs that a run on a cluster asks for."""


@dataclass(kw_only=True)
class PathsConfig:
    """Where things are kept; relative paths start at the current folder."""

    runs: str = option(_PATH)
    """One folder for each run."""
    store: str = option(_PATH)
    """MLflow's database and artifacts, and the logs of sweeps."""
    cache: str | None = option(_PATH)
    """Downloads and encoded reviews; null is the user's cache folder."""


@dataclass(kw_only=True)
class Config:
    """One run: what is trained on what, and how."""

    seed: int = option(_SEED)
    """Seed of weights, batches and dropout."""
    data: DataConfig
    split: SplitConfig
    text: TextConfig
    model: ModelConfig
    optimizer: OptimizerConfig
    training: TrainingConfig
    study: StudyConfig = option(identity=False)
    tracking: TrackingConfig = option(identity=False)
    launch: LaunchConfig = option(identity=False)
    paths: PathsConfig = option(identity=False)


def architecture(model: ModelConfig) -> str:
    """Return the short name that tables and runs carry: gru, bilstm, stacked_lstm, tfidf_logistic, ..."""
    if isinstance(model, LinearModel):
        return model.family
    stacked = "stacked_" if len(model.units) > 1 else ""
    return f"{stacked}{'bi' if model.bidirectional else ''}{model.cell}"
