"""The surroundings of the other tests."""

from ros_rig import Rig

from mujo_ros.demo.processes import DOMAINS, is_free


def test_no_process_is_killed_while_there_are_nodes(ros_domain, monkeypatch):
    """Fast DDS may crash in a node that ends right after a writer of its topics was killed."""
    rig = Rig(ros_domain)
    process = rig.start('-c', 'import time; time.sleep(600.0)')
    destroy, ran = rig.node.destroy_node, []
    monkeypatch.setattr(rig.node, 'destroy_node', lambda: (ran.append(process.poll()), destroy()))
    rig.close()
    assert ran == [None]
    assert process.returncode == -9


def test_a_domain_in_which_somebody_listens_is_not_free(ros_domain):
    rig = Rig(ros_domain)
    try:
        assert not is_free(ros_domain)
    finally:
        rig.close()
    assert ros_domain not in DOMAINS  # or a demo that starts meanwhile might take it
