# For scripts to source: what they need of the machine.

command -v cargo >/dev/null || PATH="$HOME/.cargo/bin:$PATH"

# Installs a Debian package unless the command it brings is there already.
need() {
    local command=$1 package=$2
    command -v "$command" >/dev/null && return
    apt-get update
    apt-get install -y --no-install-recommends "$package"
}
