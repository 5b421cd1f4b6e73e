// wechatpay-axios-plugin as it is, but for its base URL: one order from cradle to grave, then a notice.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import pkg from 'wechatpay-axios-plugin';

const { Aes, Formatter, Rsa, Wechatpay } = pkg;
const input = JSON.parse(readFileSync(0, 'utf8'));
const { env } = input;
const mchid = env.WECHATPAY_MCH_ID;
const key = readFileSync(env.WECHATPAY_PRIVATE_KEY_PATH, 'utf8');
const platform = readFileSync(env.WECHATPAY_PUBLIC_KEY_PATH, 'utf8');

// The plugin refuses a 20x answer that is not signed by this key, five minutes old, or without a serial it knows.
const client = (certs) => new Wechatpay({
  baseURL: env.WECHATPAY_BASE_URL, mchid, serial: env.WECHATPAY_CERT_SERIAL, privateKey: key, certs,
});
const pay = client({ [env.WECHATPAY_PUBLIC_KEY_ID]: platform });
const refusal = async (call) => {
  try { await call(); } catch ({ response, message }) { return (response && response.data && response.data.code) || message; }
  throw new Error('not refused');
};

const steps = {
  async order() {
    const body = {
      mchid, appid: env.WECHAT_APP_ID, out_trade_no: input.number, description: '一口价订金',
      notify_url: input.notifyUrl, amount: { total: 50000, currency: 'CNY' }, payer: { openid: input.openid },
    };
    const { data } = await pay.v3.pay.transactions.jsapi.post(body);
    return { prepay: data.prepay_id };
  },
  async query() {
    const { data } = await pay.v3.pay.transactions.outTradeNo._out_trade_no_.get({
      params: { mchid }, out_trade_no: input.number,
    });
    return { state: data.trade_state, total: data.amount && data.amount.total };
  },
  async close() {
    const { status } = await pay.v3.pay.transactions.outTradeNo._out_trade_no_.close.post(
      { mchid }, { out_trade_no: input.number },
    );
    return { status };
  },
  async refund() {
    const { data } = await pay.v3.refund.domestic.refunds.post({
      out_trade_no: input.number, out_refund_no: `${input.number}-R1`, reason: '顾客取消', notify_url: input.notifyUrl,
      amount: { refund: 20000, total: 50000, currency: 'CNY' },
    });
    return { status: data.status, refund: data.amount.refund };
  },
  async unknown() {
    return { code: await refusal(() => pay.v3.pay.transactions.outTradeNo._out_trade_no_.get({
      params: { mchid }, out_trade_no: 'NOBODY0001',
    })) };
  },
  async distrust() {
    // The same answer, checked with a key that is not WeChat Pay's.
    const other = client({ [env.WECHATPAY_PUBLIC_KEY_ID]: input.otherKey });
    return { message: await refusal(() => other.v3.pay.transactions.outTradeNo._out_trade_no_.get({
      params: { mchid }, out_trade_no: input.number,
    })) };
  },
  async bill() {
    const { data } = await pay.v3.bill.tradebill.get({
      params: { bill_date: input.date, bill_type: 'ALL', tar_type: 'GZIP' },
    });
    const file = await pay.v3.billdownload.file.get({
      params: new URL(data.download_url).searchParams, responseType: 'arraybuffer', transformResponse: [],
    });
    const text = gunzipSync(Buffer.from(file.data));
    const sha1 = createHash('sha1').update(text).digest('hex');
    return { matches: sha1.toLowerCase() === data.hash_value.toLowerCase(), text: text.toString('utf8') };
  },
  async notice() {
    const { headers, body } = input.notice;
    const message = Formatter.response(headers['Wechatpay-Timestamp'], headers['Wechatpay-Nonce'], body);
    const { resource } = JSON.parse(body);
    const plain = Aes.AesGcm.decrypt(
      resource.ciphertext, env.WECHATPAY_API_V3_KEY, resource.nonce, resource.associated_data,
    );
    return {
      genuine: Rsa.verify(message, headers['Wechatpay-Signature'], platform),
      forged: Rsa.verify(`${message}x`, headers['Wechatpay-Signature'], platform),
      ...JSON.parse(plain),
    };
  },
};

console.log(JSON.stringify(await steps[input.step]()));
