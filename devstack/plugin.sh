#!/bin/bash
# DevStack plug-in: this cloud's Keystone becomes a site of a fleet. DevStack sources it with the phase as arguments.
#
#   [[local|localrc]]
#   enable_plugin viaduct https://git.example.org/viaduct
#   VIADUCT_SITE=west
#   VIADUCT_HUB=east

_XTRACE_VIADUCT=$(set +o | grep xtrace)
set +o xtrace

VIADUCT_DIR=$DEST/viaduct
VIADUCT_WSGI=keystone_viaduct.wsgi:application

# Not setup_develop: it reads a setup.cfg, which this project has not.
function install_viaduct {
    pip_install -e "${VIADUCT_DIR}[dashboard,osc]"
}

function configure_viaduct {
    iniset "$KEYSTONE_CONF" viaduct key_repository "$VIADUCT_KEYS"
    iniset "$KEYSTONE_CONF" viaduct poke_url "http://$VIADUCT_AGENT_HOST:$VIADUCT_AGENT_PORT/poke"
    sudo install -d -o "$STACK_USER" -m 0700 "$VIADUCT_CONF_DIR" "$VIADUCT_CONF_DIR/clouds.d"
}

# The tables and triggers first, then the application that needs them. Keystone runs already when plug-ins are asked.
function init_viaduct {
    "$KEYSTONE_BIN_DIR/viaduct" init --config-file "$KEYSTONE_CONF" --site "$VIADUCT_SITE" --hub "$VIADUCT_HUB"
    iniset "$KEYSTONE_PUBLIC_UWSGI_CONF" uwsgi module "$VIADUCT_WSGI"
    restart_service devstack@keystone
    if ! wait_for_service "$SERVICE_TIMEOUT" "$KEYSTONE_SERVICE_URI/v3"; then
        die $LINENO "keystone did not start with $VIADUCT_WSGI"
    fi
}

# The agent's account here, as clouds.yaml has it. A password is told once: where it was not written down, another is made.
function make_viaduct_account {
    local file=$VIADUCT_CONF_DIR/clouds.d/$VIADUCT_SITE.yaml
    local made action
    for action in create renew; do
        if made=$("$KEYSTONE_BIN_DIR/viaduct" agent-account $action --config-file "$KEYSTONE_CONF" --format yaml); then
            break
        fi
    done
    [[ -n "$made" ]] || die $LINENO "the agent got no account"
    (
        umask 077
        {
            echo "  $VIADUCT_SITE:"
            echo "    auth:"
            echo "      auth_url: $KEYSTONE_SERVICE_URI/v3"
            sed -n -e 's/^user: /      username: /p' -e 's/^domain: /      user_domain_id: /p' \
                -e 's/^password: /      password: /p' <<<"$made"
            echo "      system_scope: all"
            [[ -z "$SSL_BUNDLE_FILE" ]] || echo "    cacert: $SSL_BUNDLE_FILE"
        } >"$file"
    )
}

function start_viaduct_agent {
    local spoke
    (
        umask 077
        {
            echo "clouds:"
            cat "$VIADUCT_CONF_DIR"/clouds.d/*.yaml
        } >"$VIADUCT_CLOUDS"
        {
            echo "hub: $VIADUCT_HUB"
            echo "sites:"
            echo "  $VIADUCT_HUB: $VIADUCT_HUB"
            for spoke in $VIADUCT_SPOKES; do
                echo "  $spoke: $spoke"
            done
            echo "clouds: $VIADUCT_CLOUDS"
            echo "agent:"
            echo "  listen: \"$VIADUCT_AGENT_HOST:$VIADUCT_AGENT_PORT\""
            echo "  dashboard: \"$VIADUCT_DASHBOARD\""
            [[ "$KEYSTONE_SERVICE_PROTOCOL" == https ]] || echo "  plain_http: true"
        } >"$VIADUCT_CONF_DIR/viaduct.yaml"
    )
    run_process viaduct-agent "$KEYSTONE_BIN_DIR/viaduct agent --config $VIADUCT_CONF_DIR/viaduct.yaml"
}

if is_service_enabled viaduct; then
    if [[ "$1" == stack && "$2" == install ]]; then
        echo_summary "Installing Viaduct"
        install_viaduct
        configure_viaduct
    elif [[ "$1" == stack && "$2" == post-config ]]; then
        echo_summary "Preparing $VIADUCT_SITE for the fleet of $VIADUCT_HUB"
        init_viaduct
    elif [[ "$1" == stack && "$2" == extra ]]; then
        make_viaduct_account
        if is_service_enabled viaduct-agent; then
            echo_summary "Starting the agent of Viaduct"
            start_viaduct_agent
        fi
    elif [[ "$1" == unstack ]]; then
        stop_process viaduct-agent
    elif [[ "$1" == clean ]]; then
        sudo rm -rf "$VIADUCT_CONF_DIR" "$VIADUCT_KEYS"
    fi
fi

$_XTRACE_VIADUCT
