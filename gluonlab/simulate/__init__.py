"""What one synchronous update costs on a cluster, and how long training takes; no MXNet, no configuration."""
