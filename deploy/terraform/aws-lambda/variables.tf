variable "name" {
  description = "What everything is called."
  type        = string
  default     = "zenstream"
}

variable "package" {
  description = "The zip that `package.sh` made: `bootstrap`, the program and its config."
  type        = string
}

variable "architecture" {
  description = "Of the program in the package: `x86_64` or `arm64`."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "The architecture is x86_64 or arm64."
  }
}

variable "bucket" {
  description = "The bucket that events and positions go to. It has to be there."
  type        = string
}

variable "prefixes" {
  description = "What the keys that the config writes begin with, the checkpoint's included. Nothing else can be written or read."
  type        = list(string)
  default     = ["zendesk/", "zenstream/"]

  validation {
    condition     = alltrue([for prefix in var.prefixes : can(regex("^[^/*?]+/", prefix))])
    error_message = "A prefix begins with a folder's name and a slash: zendesk/."
  }
}

variable "kms_key_arn" {
  description = "The key that the bucket's objects are encrypted with, if it is one of yours."
  type        = string
  default     = null
}

variable "environment" {
  description = "What the config's variables stand for, such as ZENDESK_SUBDOMAIN."
  type        = map(string)
  default     = {}
}

variable "secrets" {
  description = "Variables that hold secrets, such as ZENDESK_CLIENT_SECRET. They stand in Terraform's state, and in the function's settings for whoever may read these."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "environment_kms_key_arn" {
  description = "A key of yours that the function's variables are encrypted with."
  type        = string
  default     = null
}

variable "schedule" {
  description = "When to read, in the words of EventBridge."
  type        = string
  default     = "rate(15 minutes)"
}

variable "timeout" {
  description = "How long one reading may take, in seconds. What is left is read the next time."
  type        = number
  default     = 840

  validation {
    condition     = var.timeout >= 60 && var.timeout <= 900
    error_message = "The timeout is from 60 to 900 seconds."
  }
}

variable "memory" {
  description = "In MB; the processor's share grows with it."
  type        = number
  default     = 512
}

variable "log_retention_days" {
  description = "How long the log is kept."
  type        = number
  default     = 30
}

variable "alarm_topics" {
  description = "SNS topics that are told when readings fail or none takes place."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "On everything."
  type        = map(string)
  default     = {}
}
