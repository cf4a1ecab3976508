"""The networks that ship, as TensorRT reads them: valid, of known operators, of fixed shapes."""

from lg_tracker_ros.checkpoint import SHIPPED_NETWORKS
from lg_tracker_ros.engine import BATCHES
from lg_tracker_ros.engine.exporting import BATCH, OPSET
import numpy as np
import pytest

onnx = pytest.importorskip('onnx')

#: Of those that TensorRT's parser lists as supported, with floats: onnx/onnx-tensorrt,
#: docs/operators.md, release 10.1 of 2024-06-17 (commit 96e7811; opsets 9 to 20).
OPERATORS = {
    'Abs', 'Add', 'AveragePool', 'Cast', 'Clip', 'Concat', 'Constant', 'ConstantOfShape', 'Conv',
    'Div', 'Equal', 'Exp', 'Expand', 'Gather', 'Gemm', 'Identity', 'Log', 'MatMul', 'Mul', 'Pow',
    'ReduceL2', 'ReduceMax', 'ReduceMean', 'ReduceSum', 'Relu', 'Reshape', 'Resize', 'Shape',
    'Sigmoid', 'Slice', 'Split', 'Sqrt', 'Squeeze', 'Sub', 'Transpose', 'Unsqueeze', 'Where'}


@pytest.fixture(params=sorted(SHIPPED_NETWORKS.glob('*.onnx')), ids=lambda p: p.stem[:-17])
def path(request):
    """Give each network."""
    return request.param


def test_it_is_valid_and_its_types_follow(path):
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(path)
    assert [o.version for o in model.opset_import if not o.domain] == [OPSET] and 9 <= OPSET <= 20


def test_tensorrt_lists_its_operators(path):
    model = onnx.load(path, load_external_data=False)
    assert {n.op_type for n in model.graph.node} - OPERATORS == set()
    assert {n.domain for n in model.graph.node} == {''}


def test_bytes_are_cast_at_once(path):
    """It takes uint8 as an input, for a Cast alone."""
    graph = onnx.load(path, load_external_data=False).graph
    images = {i.name for i in graph.input
              if i.type.tensor_type.elem_type == onnx.TensorProto.UINT8}
    readers = [n.op_type for n in graph.node if images & set(n.input)]
    assert set(readers) == ({'Cast'} if images else set())  # one network takes features alone


@pytest.mark.skipif(tuple(map(int, onnx.__version__.split('.')[:2])) < (1, 16),
                    reason='the shape inference of onnx before 1.16 knows less')
@pytest.mark.parametrize('size', BATCHES)
def test_shapes_are_fixed_once_the_batch_is(path, size):
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param == BATCH:
                axis.dim_value = size
    del model.graph.value_info[:]
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    known = {v.name: v for v in (*graph.value_info, *graph.output)}
    free = [name for n in graph.node for name in n.output
            if not all(d.HasField('dim_value') for d in known[name].type.tensor_type.shape.dim)]
    assert free == []


def test_a_session_of_one_size_gives_what_the_free_one_gives():
    """As an engine of TensorRT is made: the batch's size is put in when the network is opened."""
    ort = pytest.importorskip('onnxruntime')
    path, = SHIPPED_NETWORKS.glob('LookNet-*.onnx')
    images = np.random.default_rng(0).integers(0, 256, (5, 128, 128, 3)).astype(np.uint8)
    feed = {'in0': images, 'in1': np.full((1, 112, 8, 8), 1e-3, np.float32)}
    found = []
    for size in (5, None):
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        if size:
            options.add_free_dimension_override_by_name(BATCH, size)
        session = ort.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
        assert session.get_inputs()[0].shape[0] == (size or BATCH)
        found.append(session.run(None, feed))
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, atol=1e-5)
