"""Parameters of a node that runs: what is refused, and in which words."""

from helpers.ros import Rig
import pytest
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.parameter import Parameter


def test_a_parameter_of_no_known_type_is_refused_and_reasons_are_short():
    with Rig() as rig:
        atomically = rig.service(SetParametersAtomically, 'lg_tracker/set_parameters_atomically')
        one_by_one = rig.service(SetParameters, 'lg_tracker/set_parameters')
        good = Parameter('beta1', value=0.9).to_parameter_msg()
        odd = ParameterMsg(name='beta1', value=ParameterValue(type=77))
        long = Parameter('policy', value='x' * 100_000).to_parameter_msg()
        nameless = Parameter('', value=1).to_parameter_msg()
        results = rig.result(one_by_one.call_async(SetParameters.Request(
            parameters=[good, long, nameless, odd, good]))).results
        assert [r.successful for r in results] == [True, False, False, False, False]
        assert results[1].reason.startswith('policy must be one of joint, paper')
        assert results[2].reason == 'a parameter must have a name'
        assert '77 is not a valid' in results[3].reason
        assert max(len(r.reason) for r in results) <= 300
        answer = rig.result(atomically.call_async(
            SetParametersAtomically.Request(parameters=[good, odd]))).result
        assert not answer.successful and '77 is not a valid' in answer.reason
        rig.start(0)


@pytest.mark.parametrize('service, kind', [
    ('set_parameters', SetParameters), ('set_parameters_atomically', SetParametersAtomically)])
def test_what_can_never_be_set_is_refused_with_what_helps(service, kind):
    with Rig() as rig:
        client = rig.service(kind, f'lg_tracker/{service}')

        def reason(name, value):
            answer = rig.result(client.call_async(kind.Request(
                parameters=[Parameter(name, value=value).to_parameter_msg()])))
            result = answer.results[0] if kind is SetParameters else answer.result
            assert not result.successful
            return result.reason
        assert reason('bta1', 0.5) == "unknown parameter 'bta1'; did you mean beta1 or beta2?"
        assert reason('k', 5) == "parameter 'k' is now called 'max_candidates'"
        assert reason('targets', 2) == (
            'targets is read-only: give it at the start, and start the node anew')
        assert reason('select_id', 7) == (
            """select_id must be text, got 7; quote what you wrote, for YAML: "'7'\"""")
        assert reason('compressed_formats', 'png').endswith(
            """of texts, got 'png'; quote what you wrote, for YAML: "['png']\"""")
        assert reason('beta2', 3.0) == 'beta2 must be a whole number, got 3.0'
        assert reason('beta1', 7.0).startswith('Parameter beta1 out of range')


def test_values_without_effect_are_in_the_log(capfd):
    with Rig(depth_topics=['depth']):
        pass
    assert 'depth_topics: without effect, for world is not set' in capfd.readouterr().err
