"""ROS 2 nodes of mujo: sensor topics in, `/activity` out. Recognition is in `mujo_core`."""
