"""The models of arzoo in plain PyTorch, as their papers' code formulates them: MODELS makes one from its options and shape, and BATCHES, where there is one, the input that it
is timed on; the others are timed on windows of series."""
from . import garg_gpt2, var
from .autoformer import Autoformer
from .informer import Informer
from .itransformer import ITransformer
from .time_moe import TimeMoe

MODELS = {
    "autoformer": Autoformer,
    "garg_gpt2": garg_gpt2.GargGpt2,
    "informer": Informer,
    "informer_tslib": lambda o, s: Informer(o, s, library=True),
    "itransformer": ITransformer,
    "time_moe": TimeMoe,
    "var": var.Var,
}

BATCHES = {"garg_gpt2": garg_gpt2.make_batch, "var": var.make_batch}
