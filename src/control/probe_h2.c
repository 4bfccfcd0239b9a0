// SPDX-License-Identifier: Apache-2.0
#include "control/probe_h2.h"

#include <nghttp2/nghttp2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "conf/topology.h"
#include "control/needle.h"
#include "control/probe.h"
#include "control/probe_request.h"
#include "control/site.h"
#include "http/grpc.h"
#include "http/h2_head.h"
#include "net/stream.h"
#include "steer/endpoint.h"

enum {
	REQUEST_MAX = 4096,
	MESSAGE_MAX = 256, /* of a gRPC answer */
	/* More is not what an answer to a probe looks like. */
	HEADERS_MAX = 64 * 1024,
	CONTINUATIONS = 8,
};

struct answer {
	bool head; /* came; status is its */
	bool ended;
	bool reset; /* by the endpoint, or because it is malformed */
	unsigned status;
	int grpc_status;           /* GRPC_STATUS_NONE: none came */
	char message[MESSAGE_MAX]; /* the body's first bytes */
	size_t message_len;
	uint64_t body_seen;
	uint32_t matched; /* state of the search for the site's text */
};

struct probe_h2 {
	nghttp2_session *session;
	struct stream *stream;       /* borrowed */
	const struct needle *needle; /* borrowed while it is asked */
	int32_t id;                  /* of the last question */
	bool goaway;
	size_t header_bytes;        /* of this question */
	char question[REQUEST_MAX]; /* the body to send */
	size_t question_len, question_sent;
	struct answer answer;
};

static nghttp2_session_callbacks *callbacks;
static nghttp2_option *options;

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name_at,
    size_t name_len, const uint8_t *value_at, size_t value_len, uint8_t flags, void *arg)
{
	struct probe_h2 *h = arg;
	struct slice name = { (const char *)name_at, name_len };
	char text[16] = "";

	h->header_bytes += name_len + value_len;
	if (h->header_bytes > HEADERS_MAX)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (frame->hd.stream_id != h->id || value_len >= sizeof text)
		return 0;
	memcpy(text, value_at, value_len);
	/* nghttp2 has seen to it that a status is three digits. */
	if (slice_eq(name, SLICE(":status")))
		h->answer.status = (unsigned)strtoul(text, NULL, 10);
	else if (slice_eq(name, SLICE("grpc-status")))
		h->answer.grpc_status = (int)strtoul(text, NULL, 10);
	return 0;
}

static int
on_data(
    nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *arg)
{
	struct probe_h2 *h = arg;
	struct answer *a = &h->answer;
	size_t room = sizeof a->message - a->message_len;
	size_t kept = len < room ? len : room;

	if (id != h->id)
		return 0;
	memcpy(a->message + a->message_len, data, kept);
	a->message_len += kept;
	if (h->needle != NULL && a->body_seen < PROBE_BODY_MAX) {
		uint64_t left = PROBE_BODY_MAX - a->body_seen;

		(void)needle_feed(
		    h->needle, &a->matched, (const char *)data, len < left ? len : (size_t)left);
	}
	a->body_seen += len;
	return 0;
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct probe_h2 *h = arg;

	if (frame->hd.type == NGHTTP2_GOAWAY)
		h->goaway = true;
	if (frame->hd.stream_id != h->id)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && h->answer.status >= 200)
		h->answer.head = true;
	if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
		h->answer.ended = true;
	return 0;
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *arg)
{
	struct probe_h2 *h = arg;

	if (id == h->id && !h->answer.ended)
		h->answer.reset = true;
	return 0;
}

static void
make_options(void)
{
	if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&options) != 0)
		abort();
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	nghttp2_option_set_no_closed_streams(options, 1);
	nghttp2_option_set_max_continuations(options, CONTINUATIONS);
}

struct probe_h2 *
probe_h2_new(struct stream *stream)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	static const nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 } };
	struct probe_h2 *h = mem_new(sizeof *h);

	pthread_once(&once, make_options);
	h->stream = stream;
	if (nghttp2_session_client_new2(&h->session, callbacks, h, options) != 0)
		abort();
	nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, ARRAY_SIZE(settings));
	return h;
}

void
probe_h2_free(struct probe_h2 *h)
{
	if (h == NULL)
		return;
	nghttp2_session_del(h->session);
	mem_free(h);
}

static bool
flush(struct probe_h2 *h)
{
	const uint8_t *bytes;
	ssize_t len;

	while ((len = nghttp2_session_mem_send(h->session, &bytes)) > 0)
		(void)stream_write(h->stream, bytes, (size_t)len); /* an event tells of a failure */
	return len == 0;
}

static ssize_t
read_question(nghttp2_session *session, int32_t id, uint8_t *buf, size_t size, uint32_t *flags,
    nghttp2_data_source *source, void *arg)
{
	struct probe_h2 *h = source->ptr;
	size_t left = h->question_len - h->question_sent;
	size_t len = left < size ? left : size;

	memcpy(buf, h->question + h->question_sent, len);
	h->question_sent += len;
	if (len == left)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)len;
}

bool
probe_h2_ask(struct probe_h2 *h, const struct site *site, const struct endpoint *e)
{
	bool grpc = site->check->type == CHECK_GRPC;
	nghttp2_data_provider question = { .source.ptr = h, .read_callback = read_question };
	char lines[REQUEST_MAX];
	struct h2_fields fields;
	int len = probe_request(site, e, lines, sizeof lines);

	if (len >= (int)sizeof lines || h->goaway)
		return false;
	if (!h2_fields_request(&fields, lines, (size_t)len,
		site_speaks_tls(site, e) ? SLICE("https") : SLICE("http"), SLICE("")))
		return false;
	if (h->id > 0 && !h->answer.ended && !h->answer.reset)
		nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, h->id, NGHTTP2_CANCEL);
	h->needle = site->needle;
	h->header_bytes = 0;
	h->question_sent = 0;
	h->question_len =
	    grpc ? grpc_health_request(site->check->service, h->question, sizeof h->question) : 0;
	h->answer = (struct answer){ .grpc_status = GRPC_STATUS_NONE };
	h->id = nghttp2_submit_request(
	    h->session, NULL, fields.nv, fields.count, grpc ? &question : NULL, NULL);
	return h->id > 0 && flush(h);
}

bool
probe_h2_feed(struct probe_h2 *h, const char *bytes, size_t len)
{
	ssize_t n = nghttp2_session_mem_recv(h->session, (const uint8_t *)bytes, len);

	return n == (ssize_t)len && flush(h) &&
	    (nghttp2_session_want_read(h->session) || h->goaway);
}

bool
probe_h2_is_open(const struct probe_h2 *h)
{
	return !h->goaway;
}

static struct check_result
failed(enum endpoint_reason reason, uint32_t detail)
{
	return (struct check_result){ .passed = false, .reason = reason, .detail = detail };
}

static struct check_result
judge_grpc(const struct answer *a)
{
	if (a->status != 200)
		return failed(REASON_CHECK_STATUS, a->status);
	if (a->grpc_status == GRPC_STATUS_NONE)
		return failed(REASON_CHECK_MALFORMED, 0);
	if (a->grpc_status != GRPC_OK)
		return failed(REASON_CHECK_GRPC, (uint32_t)a->grpc_status);
	if (!grpc_health_is_serving(a->message, a->message_len))
		return failed(REASON_CHECK_NOT_SERVING, 0);
	return (struct check_result){ .passed = true, .reason = REASON_CHECK_PASSED };
}

bool
probe_h2_judge(
    const struct probe_h2 *h, const struct site *site, struct check_result *r, bool *answered)
{
	const struct answer *a = &h->answer;
	uint32_t matched = a->matched;

	*answered = a->head;
	if (a->reset)
		*r = failed(a->head ? REASON_CHECK_MALFORMED : REASON_CHECK_RESET, 0);
	else if (!a->head || (site->check->type == CHECK_GRPC && !a->ended))
		return false;
	else if (site->check->type == CHECK_GRPC)
		*r = judge_grpc(a);
	else if (!site_expects(site, a->status))
		*r = failed(REASON_CHECK_STATUS, a->status);
	else if (site->needle == NULL || needle_feed(site->needle, &matched, NULL, 0))
		*r = (struct check_result){ .passed = true, .reason = REASON_CHECK_PASSED };
	else if (a->ended || a->body_seen >= PROBE_BODY_MAX)
		*r = failed(REASON_CHECK_BODY, 0);
	else
		return false;
	return true;
}
