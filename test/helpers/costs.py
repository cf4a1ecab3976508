"""What a network costs, to compare with what is published of it."""

import torch


def count_macs(net, *inputs):
    """
    Multiply-accumulates of one forward pass (convolutions and matrix products).

    On the meta device nothing is computed, so that this is quick at any size.
    """
    from torch.utils.flop_counter import FlopCounterMode
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(*inputs)
    return int(counter.get_total_flops()) // 2
