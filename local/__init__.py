"""PostgreSQL, Valkey and the product's processes on one machine: what bin/run and bin/test start and stop."""
