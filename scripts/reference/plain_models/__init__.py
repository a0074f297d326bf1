"""The models of arzoo in plain PyTorch, as their papers' code formulates them: MODELS makes one from its options and shape, and BATCHES, where there is one, the input that it
is timed on; the others are timed on windows of series."""
from . import argus3d, axial, flowar, g3pt, garg_gpt2, llamagen, himar, mar, mmar, shape_vae, var
from .autoformer import Autoformer
from .chronos2 import Chronos2
from .informer import Informer
from .itransformer import ITransformer
from .patchtst import PatchTst
from .shape_vae import ShapeVae
from .time_moe import TimeMoe
from .timexer import TimeXer

MODELS = {
    "argus3d": argus3d.Argus3d,
    "autoformer": Autoformer,
    "axial": axial.Axial,
    "chronos2": Chronos2,
    "flowar": flowar.FlowAr,
    "g3pt": g3pt.G3pt,
    "garg_gpt2": garg_gpt2.GargGpt2,
    "himar": himar.HiMar,
    "informer": Informer,
    "informer_tslib": lambda o, s: Informer(o, s, library=True),
    "itransformer": ITransformer,
    "llamagen": llamagen.LlamaGen,
    "mar": mar.Mar,
    "mar3d": mar.MarLr,
    "mmar": mmar.Mmar,
    "patchtst": PatchTst,
    "shape_vae": ShapeVae,
    "time_moe": TimeMoe,
    "timexer": TimeXer,
    "var": var.Var,
}

BATCHES = {
    module: maker.make_batch
    for module, maker in (("argus3d", argus3d), ("axial", axial), ("flowar", flowar), ("g3pt", g3pt), ("garg_gpt2", garg_gpt2), ("llamagen", llamagen), ("himar", himar), ("mar", mar), ("mar3d", mar), ("mmar", mmar), ("shape_vae", shape_vae), ("var", var))
}
