/*
 * What this implementation adds to websocket.h, as properties of handles. A program that names none of them meets none.
 */
#ifndef WEBSOCKET_COMPONENT_H
#define WEBSOCKET_COMPONENT_H

#include <stdint.h>

#include "websocket.h"

/* When WebSocketGetAction fails because the peer broke the protocol or a limit, pDataBuffers[0].CloseStatus.usStatus is the
 * status to close the connection with (1002, 1007, 1008, 1009 or 1013); otherwise it is 0. The number of buffers is 0
 * then. */

/* BOOL. permessage-deflate (RFC 7692) is offered by a client, or selected by a server if it is offered; once agreed, the
 * handle compresses and decompresses messages. Received data then may be in memory of the handle's own, beside
 * ALLOCATED_BUFFER. Default: FALSE. */
#define WEB_SOCKET_PERMESSAGE_DEFLATE_PROPERTY_TYPE ((WEB_SOCKET_PROPERTY_TYPE)0x1000)

/* uint64_t. The most bytes of a message's payload, over all its frames; then receiving fails, and the connection should be
 * closed with 1009. Default: no limit, because messages are delivered in parts. */
#define WEB_SOCKET_MAX_MESSAGE_SIZE_PROPERTY_TYPE ((WEB_SOCKET_PROPERTY_TYPE)0x1001)

/* uint64_t. The most bytes of one data frame's payload. Default: no limit. */
#define WEB_SOCKET_MAX_FRAME_SIZE_PROPERTY_TYPE ((WEB_SOCKET_PROPERTY_TYPE)0x1002)

/* uint64_t. The most frames of one message. Default: no limit. */
#define WEB_SOCKET_MAX_FRAGMENTS_PROPERTY_TYPE ((WEB_SOCKET_PROPERTY_TYPE)0x1003)

#endif
