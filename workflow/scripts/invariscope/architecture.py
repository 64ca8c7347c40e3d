"""A network as a list of plain operations: convolution, pooling, addition and so on.

Receptive fields and the valid-mode response are worked out on that list, so they hold for any
architecture whose operations are local.
"""

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Node:
    """One operation: its name, what it does, the nodes it reads and its settings.

    `op` is one of input, conv, batch_norm, max_pool, avg_pool, add, cat, pool_templates or a
    pointwise function such as relu; `trunk.py` says what each does. Windows (kernel, stride,
    padding, dilation) are (vertical, horizontal).
    """

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    settings: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Architecture:
    """Nodes in order of execution, and which node each named layer is read at."""

    nodes: tuple[Node, ...]
    layers: dict[str, str]

    def to_json(self):
        """Text from which `from_json` makes the same architecture."""
        return json.dumps({"nodes": [asdict(n) for n in self.nodes], "layers": self.layers})

    @staticmethod
    def from_json(text):
        """Architecture stored by `to_json`."""
        stored = json.loads(text)
        nodes = tuple(Node(**{**n, "inputs": tuple(n["inputs"])}) for n in stored["nodes"])
        return Architecture(nodes, stored["layers"])

    def below(self, layer):
        """Names of the nodes that `layer` depends on, its own included, as a set."""
        needed = {self.layers[layer]}
        for node in reversed(self.nodes):
            if node.name in needed:
                needed.update(node.inputs)
        return needed

    def parameters(self):
        """Names of the parameters that the nodes read."""
        names = []
        for node in self.nodes:
            names += node.settings.get("parameters", {}).values()
        return names

    def truth(self, layer):
        """Known class of each channel of `layer` where it is a layer of model cells, else None."""
        (node,) = (node for node in self.nodes if node.name == self.layers[layer])
        return node.settings.get("truth")
