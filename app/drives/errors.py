"""Refusals of the test drives."""

from app.core.errors import DomainError


class SlotGone(DomainError):
    code = "drive_slot_gone"
    message = "这个时段刚刚约满了，请换一个时间，您填写的内容还在。"
    field = "at"


class SlotUnknown(DomainError):
    code = "drive_slot_unknown"
    message = "请选择一个试驾时间。"
    field = "at"


class NoCarHere(DomainError):
    code = "drive_no_car"
    message = "这家门店现在没有这款试驾车，请换一家门店或换一款车。"
    status = 404


class TooManyDrives(DomainError):
    code = "drive_limit"
    message = "您已有 2 个未完成的试驾预约。请先在“我的试驾”取消一个，再约新的。"


class TooManyMoves(DomainError):
    code = "drive_moves"
    message = "这次预约已改过 3 次。请取消后重新预约，或致电门店。"


class DriveOver(DomainError):
    code = "drive_over"
    message = "这次试驾已开始、已结束或已取消，不能再改。"


class ShareFirst(DomainError):
    code = "drive_share"
    message = "门店需要您的姓名和手机号才能安排，请勾选同意。"
    field = "share"


class NotArrived(DomainError):
    code = "drive_not_arrived"
    message = "请先为客户签到，再办理这一步。"


class LicenceFirst(DomainError):
    code = "drive_licence"
    message = "请先核对驾驶证原件并勾选，才能开始试驾。"


class AgreementFirst(DomainError):
    code = "drive_agreement"
    message = "请客户先签试驾协议，才能开始试驾。"


class AgreementChanged(DomainError):
    code = "drive_agreement_changed"
    message = "协议文本刚刚更新，请重新阅读后再签。"


class SignatureMissing(DomainError):
    code = "drive_signature"
    message = "请在框内手写签名，或输入姓名代替签名。"
    field = "typed_name"


class RouteUnknown(DomainError):
    code = "drive_route"
    message = "请选择一条试驾路线。"
    field = "route"


class NotDriving(DomainError):
    code = "drive_not_driving"
    message = "这次试驾没有在进行中，可能同事已登记，请刷新。"


class TooEarly(DomainError):
    code = "drive_too_early"
    message = "约定时间过后 15 分钟才能登记未到店，请再等一等或致电客户。"


class CarBusy(DomainError):
    code = "drive_car_busy"
    message = "这台车现在到下一个预约之间时间不够，请换一台车或稍后再试。"
    field = "car"


class CarWrong(DomainError):
    code = "drive_car_wrong"
    message = "请核对试驾车的车款、颜色、车牌尾号和日期。"


class CarClosed(DomainError):
    code = "drive_car_closed"
    message = "这台试驾车已停用，请换一台。"


class ClosureWrong(DomainError):
    code = "drive_closure_wrong"
    message = "请填写停驾的起止日期，结束不早于开始，最长 180 天。"


class PhotosOff(DomainError):
    code = "drive_photos_off"
    message = "这里不收驾驶证照片，到店向店员出示原件即可。"


class PhotoConsent(DomainError):
    code = "drive_photo_consent"
    message = "请先勾选同意；不想上传也可以，到店出示原件即可。"
    field = "agree"


class PhotoWrong(DomainError):
    code = "drive_photo_wrong"
    message = "这不是能打开的照片，请上传 JPEG、PNG 或 WebP 格式。"
    field = "photo"


class PhotoTooBig(DomainError):
    code = "drive_photo_big"
    message = "照片超过 10 MB，请换一张小一些的，或到店出示原件。"
    field = "photo"


class PhotoGone(DomainError):
    code = "drive_photo_gone"
    message = "驾驶证照片已删除或客户已撤回，请核对原件。"


class ContactClosed(DomainError):
    code = "drive_contact_closed"
    message = "这次试驾已结束或客户已撤回授权，联系方式不再显示。"


class AnswersClosed(DomainError):
    code = "drive_answers_closed"
    message = "试驾结束后才能作答，每次试驾答一次。"


class JoinExpired(DomainError):
    code = "drive_join_expired"
    message = "这个二维码已过期或已被使用，请店员重新出示。"
    status = 404


class NotToday(DomainError):
    code = "drive_not_today"
    message = "不是今天的预约，到那天才能签到。"
