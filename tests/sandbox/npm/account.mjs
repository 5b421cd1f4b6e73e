// wechat-api and wechat-crypto as they are, but for the endpoint: token, scene code, messages, a push.
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import API from 'wechat-api';
import WXBizMsgCrypt from 'wechat-crypto';

const input = JSON.parse(readFileSync(0, 'utf8'));
const { env } = input;
const api = new API(env.WECHAT_APP_ID, env.WECHAT_APP_SECRET);
api.endpoint = env.WECHAT_API_BASE_URL;
const call = (name, ...given) => promisify(api[name].bind(api))(...given);
const refusal = async (promise) => {
  try { await promise; } catch (error) { return error.code; }
  throw new Error('not refused');
};

const steps = {
  async account() {
    const token = await call('getLatestToken');
    const code = await call('createTmpQRCode', 4711, 1800);
    const data = { first: { value: '预约成功' } };
    const sent = await call('sendTemplate', input.follower, input.template, 'https://shop.example/', data);
    return {
      token: token.accessToken.length,
      ticket: (await call('getLatestTicket')).ticket.length,
      seconds: code.expire_seconds,
      qr: code.ticket,
      msgid: sent.msgid,
      stranger: await refusal(call('sendTemplate', input.stranger, input.template, '', data)),
      subscribed: (await call('getUser', input.follower)).subscribe,
    };
  },
  async push() {
    const crypto = new WXBizMsgCrypt(env.WECHAT_TOKEN, env.WECHAT_AES_KEY, env.WECHAT_APP_ID);
    const { timestamp, nonce, msg_signature: signature } = input.query;
    return {
      genuine: crypto.getSignature(timestamp, nonce, input.sealed) === signature,
      ...crypto.decrypt(input.sealed),
    };
  },
};

console.log(JSON.stringify(await steps[input.step]()));
