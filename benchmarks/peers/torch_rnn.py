"""PyTorch: packed, as its documentation recommends for texts of different lengths, or padded to the longest in a batch.

Only `pack_padded_sequence(enforce_sorted=False)` computes the same outputs as our network. Its backward pass is slow on
CPUs, so the padded form is measured too. It uses the state after the last token, which is the same for a forward layer;
a backward layer reads the padding first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from benchmarks.protocol import serve
from benchmarks.reviews import load_part

PACKED_DIVISOR = 10
"""Packed sequences run a tenth of the steps: one step of 256 reviews takes about ten seconds."""
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "simple_rnn": nn.RNN}


class Network(nn.Module):
    """Embedding, recurrent layers, one logit from the last state of each direction."""

    def __init__(self, vocabulary_size: int, settings: dict[str, Any]) -> None:
        super().__init__()
        units = settings["units"]
        if len(set(units)) != 1:
            raise ValueError(f"units must be equal in all layers for PyTorch, got {units}")
        self.embed = nn.Embedding(vocabulary_size, settings["embedding_size"], padding_idx=0)
        shape = {"num_layers": len(units), "batch_first": True, "bidirectional": settings["bidirectional"]}
        self.recurrent = CELLS[settings["cell"]](settings["embedding_size"], units[0], **shape)
        self.directions = 2 if settings["bidirectional"] else 1
        self.packed = settings["packed"]
        self.logit = nn.Linear(self.directions * units[0], 1)

    def forward(self, token_ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits (batch,) of token ids (batch, steps), padded with 0 on the right."""
        if not self.packed:
            return self.logit(self._padded(token_ids, lengths)).squeeze(1)
        packed = pack_padded_sequence(self.embed(token_ids), lengths, batch_first=True, enforce_sorted=False)
        _, states = self.recurrent(packed)
        last = states[0] if isinstance(states, tuple) else states  # (layers * directions, batch, units)
        return self.logit(torch.cat(list(last[-self.directions :]), dim=1)).squeeze(1)

    def _padded(self, token_ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the state after the last token, forward, and at the first token, backward: (batch, features)."""
        states, _ = self.recurrent(self.embed(token_ids))
        last = states[torch.arange(len(lengths)), lengths - 1]
        units = last.shape[1] // self.directions
        return last if self.directions == 1 else torch.cat([last[:, :units], states[:, 0, units:]], dim=1)


def build(settings: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Build the network; a request trains `steps` steps of shuffled batches."""
    torch.set_num_threads(settings["threads"])
    part, vocabulary_size = load_part(settings["part"])
    ids = torch.from_numpy(part.sequences.ids.astype(np.int64))
    reviews = list(ids.split(part.sequences.lengths.tolist()))
    lengths, labels = torch.from_numpy(part.sequences.lengths), torch.from_numpy(part.labels.astype(np.float32))
    network = Network(vocabulary_size, settings)
    optimizer, loss_of = torch.optim.Adam(network.parameters(), settings["learning_rate"]), nn.BCEWithLogitsLoss()
    size = settings["batch_size"]

    def train(steps: int, epoch: int) -> dict[str, Any]:
        steps = max(1, steps // PACKED_DIVISOR) if settings["packed"] else steps
        order = torch.randperm(len(part), generator=torch.Generator().manual_seed(epoch))
        started, tokens, correct = time.perf_counter(), 0, 0
        for rows in order[: steps * size].split(size):
            batch = pad_sequence([reviews[row] for row in rows.tolist()], batch_first=True)
            optimizer.zero_grad()
            logits = network(batch, lengths[rows])
            loss = loss_of(logits, labels[rows])
            loss.backward()
            optimizer.step()
            correct += int(((logits > 0) == (labels[rows] > 0.5)).sum())
            tokens += int(lengths[rows].sum())
        return {"seconds": time.perf_counter() - started, "tokens": tokens, "correct": correct}

    return train


if __name__ == "__main__":
    serve(build)
