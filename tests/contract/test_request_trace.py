"""A request that cannot be traced says why: `make docs` and `make remove-slice` hand that on."""

import pytest

from tests.contract.request_trace import TraceError, entered
from tests.ports import free_port


def test_why_it_could_not_be_traced_is_said() -> None:
    with pytest.raises(TraceError, match=r"the application did not serve .*\n(.*\n)*.*Connection refused"):
        entered(f"postgresql://nobody@127.0.0.1:{free_port()}/none")
