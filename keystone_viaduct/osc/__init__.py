"""``openstack sync …``: the plug-in of openstackclient. It speaks to the site that one is logged in at."""
