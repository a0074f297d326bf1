"""The models of arzoo in plain PyTorch, as their papers' code formulates them: MODELS makes one from its options and shape."""
from .autoformer import Autoformer
from .informer import Informer
from .itransformer import ITransformer
from .time_moe import TimeMoe

MODELS = {
    "autoformer": Autoformer,
    "informer": Informer,
    "informer_tslib": lambda o, s: Informer(o, s, library=True),
    "itransformer": ITransformer,
    "time_moe": TimeMoe,
}
