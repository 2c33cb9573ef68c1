#!/bin/sh
# Prints the Python that is to be used: the first that is built with profile-guided optimisation, else the first that does.
# One without it, as pyenv builds them by default, takes 15 to 30 % more time for everything. Distributions' own (in /usr)
# are built with it and do not say so.
CHECK='
import importlib.util, sys, sysconfig
fits = (3, 11) <= sys.version_info < (3, 15) and importlib.util.find_spec("ensurepip") is not None
said = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
sys.exit(0 if fits and (said or sys.base_prefix == "/usr") else 3 if fits else 1)
'
first=
for python in python3 python3.14 python3.13 python3.12 python3.11 /usr/local/bin/python3 /usr/bin/python3; do
	"$python" -c "$CHECK" >/dev/null 2>&1
	case $? in
		0) echo "$python"; exit ;;
		3) first=${first:-$python} ;;
	esac
done
echo "${first:-python3}"
