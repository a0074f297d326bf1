"""What runs a plain PyTorch model: PyTorch itself (eager), torch.compile, OpenVINO or ONNX Runtime. Each is made once for a model and a batch; the time that this takes is
compilation, told apart from that of the work. What is not installed, and what an engine cannot do, is an error in the answer."""
import io
import warnings

import torch

ENGINES = ("eager", "compile", "openvino", "onnxruntime")


class Positional(torch.nn.Module):
    """A model that takes its batch as tensors in the order of their names, as exporters ask for it."""

    def __init__(self, model, names):
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *tensors):
        return self.model(dict(zip(self.names, tensors)))


def require(condition, text):
    if not condition:
        raise ValueError(text)


def openvino(model, batch, threads, dtype):
    import openvino as ov

    names = sorted(batch)
    converted = ov.convert_model(Positional(model, names), example_input=tuple(batch[name] for name in names))
    core = ov.Core()
    require(dtype == "fp32" or "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"), "OpenVINO has no bf16 on this processor")
    compiled = core.compile_model(converted, "CPU", {
        "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "bf16" if dtype == "bf16" else "f32"})
    # Tracing drops an input that the model does not read: the others keep their order.
    inputs = [batch[name].numpy() for name in names]
    if len(compiled.inputs) < len(inputs):
        read = [name for name in names if any(name in port.get_names() for port in compiled.inputs)]
        require(len(read) == len(compiled.inputs), "OpenVINO dropped inputs that have no names")
        inputs = [batch[name].numpy() for name in read]
    request = compiled.create_infer_request()
    return lambda: request.infer(inputs, share_inputs=True, share_outputs=True)


def onnxruntime(model, batch, threads, dtype):
    import onnxruntime as ort

    require(dtype == "fp32", "ONNX Runtime is timed in fp32 alone")
    names, file = sorted(batch), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Positional(model, names), tuple(batch[name] for name in names), file, input_names=names, opset_version=17, dynamo=False)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = ort.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    feed = {port.name: batch[port.name].numpy() for port in session.get_inputs()}
    return lambda: session.run(None, feed)


def exported(engine, model, batch, threads, dtype):
    """A function of no argument that runs the model on the batch by an engine that takes exported models."""
    require(all(tensor.device.type == "cpu" for tensor in batch.values()), f"{engine} is timed on a CPU alone")
    with torch.no_grad():
        return {"openvino": openvino, "onnxruntime": onnxruntime}[engine](model, batch, threads, dtype)
