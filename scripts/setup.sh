#!/usr/bin/env bash
# Makes this checkout ready to run; a second call that finds nothing to do takes milliseconds.
#
#   setup.sh tools   virtual environment with everything from the lock files; no graphics
#   setup.sh full    what the demo needs: agent, harness, renderer, video, a usable OpenGL
#   setup.sh dev     everything: full, the checking tools, the vendor's SDK, a virtual screen and a software TPM for tests
#   setup.sh dist    what `make dist` builds with, in build/dist-tools, apart from what runs
#   setup.sh fuzz    what `make fuzz` needs, in build/fuzz-tools: the fuzzer, and what a device runs
#
# Exit status: 0 ready; 3 Python or the environment cannot be had; 8 no OpenGL and no way to install it.
set -euo pipefail
cd "$(dirname "$0")/.."

level=${1:-full}
venv=.venv
gl_packages="libegl1 libgl1 libgl1-mesa-dri libglx-mesa0"
gl_packages_mesa="libegl-mesa0"
screen_packages="xvfb xdotool"
tpm_packages="swtpm tpm2-tools"

say() { printf 'setup: %s\n' "$*" >&2; }
stop() { local status=$1; shift; say "$*"; exit "$status"; }

# --- Python -----------------------------------------------------------------------------------------------------------
find_python() {
  local name
  for name in "${PYTHON:-python3}" python3.11 python3.12 python3.13 python3.14; do
    if command -v "$name" >/dev/null 2>&1 &&
      "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s' "$name"
      return 0
    fi
  done
  return 1
}

# Runs a command as root: directly, or through a sudo that asks nothing or has a person to ask.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then sudo "$@"
  else return 1
  fi
}

apt_updated=
apt_install() {
  command -v apt-get >/dev/null 2>&1 || return 1
  if [ -z "$apt_updated" ]; then
    as_root apt-get update -qq >/dev/null 2>&1 || true
    apt_updated=1
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$log" 2>&1
}

no_wheel=
log=$(mktemp)
trap 'rm -f "$log"' EXIT

make_venv() {
  local python version
  python=$(find_python) || stop 3 "Python 3.11 or newer is needed (found: $(python3 --version 2>&1 || echo none)); install python3"
  if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    say "this Python comes without its venv module: installing python3-venv"
    apt_install python3-venv || apt_install "python$version-venv" ||
      stop 3 "cannot install it: run 'apt-get install python3-venv' as root, then try again"
  fi
  say "making $venv with $("$python" --version 2>&1)"
  rm -rf "$venv"
  "$python" -m venv "$venv" >"$log" 2>&1 || { cat "$log" >&2; stop 3 "the virtual environment could not be made"; }
}

# Installs a lock file and counts the packages as they come.
install_locked() {
  local lock=$1 total count=0 line missing
  shift
  total=$(grep -c '==' "$lock")
  say "installing $lock: $total pinned packages"
  if ! "$venv/bin/python" -m pip install --disable-pip-version-check --require-hashes --progress-bar off "$@" -r "$lock" \
    2>&1 | tee "$log" | while IFS= read -r line; do
    case $line in
      Collecting*|Requirement*)
        count=$((count + 1))
        [ -t 2 ] && printf '\rsetup: %3d/%d %-60.60s' "$count" "$total" "${line#Collecting }" >&2 ;;
    esac
    true
  done; then
    [ -t 2 ] && printf '\n' >&2
    missing=$(sed -n 's/.*No matching distribution found for \([A-Za-z0-9._-]*\).*/\1/p' "$log" | head -n 1)
    if [ -n "$missing" ] && ! grep -q 'Retrying' "$log"; then
      stop 3 "there is no wheel of $missing for $("$venv/bin/python" --version 2>&1) on $(uname -m)${no_wheel:+: $no_wheel}"
    fi
    grep -E '^(ERROR|error)' "$log" | head -n 5 >&2 || tail -n 5 "$log" >&2
    stop 3 "the packages of $lock could not be installed: is the package index reachable?"
  fi
  [ -t 2 ] && printf '\r%-80s\r' '' >&2
  return 0
}

fingerprint() {
  cat scripts/setup.sh pyproject.toml "$@" | cksum | cut -d ' ' -f 1
  pwd
}

ready() { [ -f "$venv/.ready-$1" ] && [ "$(cat "$venv/.ready-$1")" = "$2" ]; }

install_packages() {
  local full dev
  full=$(fingerprint requirements/full.txt)
  dev=$(fingerprint requirements/dev.txt requirements/vendor-sdk.txt)
  if [ "$level" = full ]; then
    ready full "$full" || ready dev "$dev" && return 0
  else
    ready dev "$dev" && return 0
  fi
  # An environment made elsewhere, or by another Python that is gone, is made anew.
  if ! "$venv/bin/python" -c 'import pip' >/dev/null 2>&1 || [ "$(cat "$venv/.made-in" 2>/dev/null)" != "$(pwd)" ]; then
    make_venv
    pwd >"$venv/.made-in"
  fi
  if [ "$level" = full ]; then
    install_locked requirements/full.txt --only-binary :all:
  else
    install_locked requirements/dev.txt --only-binary :all:
    # One part of the SDK is published as source only; it is plain Python and needs no compiler.
    install_locked requirements/vendor-sdk.txt --no-deps --no-build-isolation
  fi
  "$venv/bin/python" -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation --no-index -e . \
    >"$log" 2>&1 || { tail -n 5 "$log" >&2; stop 3 "the project itself could not be installed into $venv"; }
  if [ "$level" = full ]; then printf '%s' "$full" >"$venv/.ready-full"; else printf '%s' "$dev" >"$venv/.ready-dev"; fi
}

# Tools of one kind, from their lock file, in an environment apart from what runs.
install_apart() {
  local kind=$1 wanted
  venv=build/$kind-tools
  wanted=$(fingerprint "requirements/$kind.txt")
  ready "$kind" "$wanted" && return 0
  mkdir -p build
  make_venv
  install_locked "requirements/$kind.txt" --only-binary :all:
  printf '%s' "$wanted" >"$venv/.ready-$kind"
}

# --- OpenGL -----------------------------------------------------------------------------------------------------------
usable_gl() {
  "$venv/bin/python" -c 'from renderer.gl.context import headless; headless().release()' >"$log" 2>&1
}

ensure_gl() {
  [ -f "$venv/.gl-ready" ] && return 0
  if ! usable_gl; then
    say "no usable OpenGL here: installing Mesa's EGL and software driver ($gl_packages $gl_packages_mesa)"
    # shellcheck disable=SC2086
    if ! apt_install $gl_packages $gl_packages_mesa; then
      stop 8 "no OpenGL, and it cannot be installed from here: run 'apt-get install $gl_packages $gl_packages_mesa' as root, then try again"
    fi
    if ! usable_gl; then
      tail -n 3 "$log" >&2
      stop 8 "Mesa is installed but no OpenGL context can be made; packages: $gl_packages $gl_packages_mesa"
    fi
  fi
  : >"$venv/.gl-ready"
}

ensure_screen() {
  command -v Xvfb >/dev/null 2>&1 && command -v xdotool >/dev/null 2>&1 && return 0
  say "installing a virtual screen and keyboard for the window tests ($screen_packages)"
  # shellcheck disable=SC2086
  apt_install $screen_packages || say "cannot install $screen_packages without root: the window tests will be skipped and say so"
}

ensure_tpm() {
  command -v swtpm >/dev/null 2>&1 && command -v tpm2_createek >/dev/null 2>&1 && return 0
  say "installing a software TPM and its tools for the tests of the device's id ($tpm_packages)"
  # shellcheck disable=SC2086
  apt_install $tpm_packages || say "cannot install $tpm_packages without root: their tests will be skipped and say so"
}

case $level in
  tools) install_packages ;;
  full) install_packages; ensure_gl ;;
  dev) install_packages; ensure_gl; ensure_screen; ensure_tpm ;;
  dist) install_apart dist ;;
  fuzz)
    no_wheel="the fuzzer has some for CPython 3.11 to 3.14 on x86-64 Linux (PYTHON=python3.11 names one); its targets run without it in 'make test'"
    install_apart fuzz
    ;;
  *) stop 2 "unknown level '$level': use tools, full, dev, dist or fuzz" ;;
esac
