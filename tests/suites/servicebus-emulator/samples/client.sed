# What changes in Microsoft's samples: where a client is built, it is built of a connection string.
# `sed -E -f client.sed -i *.py`, with SERVICEBUS_CONNECTION_STR set to what the emulator prints.
/Client\($/{
N
N
}
s/ServiceBusClient\([[:space:]]*(FULLY_QUALIFIED_NAMESPACE|fully_qualified_namespace),[[:space:]]*(credential|DefaultAzureCredential\(\))/ServiceBusClient.from_connection_string(os.environ["SERVICEBUS_CONNECTION_STR"]/
# The HTTP API has a port of its own, and the administration client wants TLS there.
s/ServiceBusAdministrationClient\([[:space:]]*FULLY_QUALIFIED_NAMESPACE,[[:space:]]*credential/ServiceBusAdministrationClient.from_connection_string(os.environ["SERVICEBUS_HTTP_CONNECTION_STR"]/
