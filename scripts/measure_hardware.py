"""What arzoo train --dry-run --world-size N needs to know of the processors here: a JSON file for --hardware.

    torchrun --nproc_per_node 2 scripts/measure_hardware.py --per-machine 2 --output here.json

Run it on one machine, or on two or more for the rate of the network between them (--per-machine tells which are which). Each
process measures its matrix product and its memory, all of them together all-reduces of 1 to 64 MB, on GPUs with NCCL, else on one
CPU thread each with Gloo. Needs PyTorch."""

import argparse
import json
import os
import time

import torch
import torch.distributed as dist

MEGABYTES = (1, 4, 16, 64)


def seconds_of(work, device, rounds=30):
    """The median of several rounds after one to warm up: of processor time on a CPU, so that what else the machine does counts little."""
    times = []
    for _ in range(rounds + 1):
        if device.type == "cuda":
            torch.cuda.synchronize()
        clock = time.perf_counter if device.type == "cuda" else time.process_time
        start = clock()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(clock() - start)
    return sorted(times[1:])[rounds // 2]


def product_rate(device, dtype, edge):
    left, right = (torch.rand(edge, edge, device=device).to(dtype) for _ in range(2))
    return 2 * edge**3 / seconds_of(lambda: left @ right, device)


def memory_rate(device):
    source = torch.rand(1 << 24, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / seconds_of(lambda: target.copy_(source), device)


def all_reduce_times(device, group, count):
    """Seconds by bytes, and the line through them: the rate of a ring's messages and the latency of one of its rounds."""
    times = {}
    for megabytes in MEGABYTES:
        tensor = torch.ones(megabytes << 18, device=device)
        times[tensor.nbytes] = seconds_of(lambda: dist.all_reduce(tensor, group=group), device)
    low, high = min(times), max(times)
    slope = (times[high] - times[low]) / (high - low)
    rate = 2 * (count - 1) / count / slope
    latency = max(0.0, times[low] - slope * low) / (2 * (count - 1))
    return times, rate, latency


def memory_bytes(device, per_machine):
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // per_machine


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--per-machine", type=int, required=True, help="processes of one machine")
    parser.add_argument("--dtype", default="float32", help="of the matrix product, as in bfloat16")
    parser.add_argument("--output", required=True)
    options = parser.parse_args()
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    else:
        device = torch.device("cpu")
        torch.set_num_threads(1)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    world, rank, here = dist.get_world_size(), dist.get_rank(), options.per_machine
    edge = 8192 if device.type == "cuda" else 512
    hardware = {
        "flops": product_rate(device, getattr(torch, options.dtype), edge),
        "memory": memory_bytes(device, here),
        "memory_rate": memory_rate(device),
        "per_machine": here,
        "link_share": 1.0,
        "overlap": 1.0 if device.type == "cuda" else 0.0,
    }
    dist.barrier()
    machines = [dist.new_group(list(range(first, min(first + here, world)))) for first in range(0, world, here)]
    columns = [dist.new_group(list(range(place, world, here))) for place in range(min(here, world))]
    times, rate, latency = all_reduce_times(device, machines[rank // here], min(here, world))
    hardware.update(link_rate=rate, link_latency=latency, network_rate=rate, network_latency=latency)
    if world > here:
        across = all_reduce_times(device, columns[rank % here], world // here)
        hardware.update(network_rate=across[1], network_latency=across[2])
    measured = ", ".join(f"{1000 * seconds:.3g} ms for {size >> 20} MB" for size, seconds in times.items())
    hardware["source"] = f"measured by scripts/measure_hardware.py: all-reduce of {min(here, world)} processes in {measured}"
    if rank == 0:
        with open(options.output, "w", encoding="utf-8") as file:
            json.dump(hardware, file, indent=2)
            file.write("\n")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
