// Keeps what the server tells the page on the event stream of its queue, in window.verifyMessages, while the page reads it too.
(() => {
  window.verifyMessages = [];
  const isQueue = (address) => String(address).includes("/queue/data");

  const keep = (data) => {
    try {
      window.verifyMessages.push(JSON.parse(data));
    } catch {
      // no message: a heartbeat
    }
  };

  const follow = async (stream) => {
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = "", part; !(part = await reader.read()).done; ) {
      const lines = (text + part.value).split("\n");
      text = lines.pop();
      for (const line of lines) if (line.startsWith("data:")) keep(line.slice(5));
    }
  };

  const fetched = window.fetch;
  window.fetch = async (resource, options) => {
    const response = await fetched(resource, options);
    if (!isQueue(resource?.url ?? resource) || !response.body) return response;
    const [ours, theirs] = response.body.tee();
    follow(ours).catch(() => {}); // the page may give the stream up
    return new Response(theirs, response);
  };

  const Source = window.EventSource;
  window.EventSource = class extends Source {
    constructor(address, options) {
      super(address, options);
      if (isQueue(address)) this.addEventListener("message", (event) => keep(event.data));
    }
  };
})();
