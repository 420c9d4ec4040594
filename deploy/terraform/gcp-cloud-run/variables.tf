variable "name" {
  description = "What everything is called."
  type        = string
  default     = "zenstream"
}

variable "project" {
  description = "The project's id."
  type        = string
}

variable "region" {
  description = "Where the job runs, and its schedule."
  type        = string
}

variable "image" {
  description = "The image, from a registry that Cloud Run can read."
  type        = string
}

variable "bucket" {
  description = "The bucket that events and positions go to, with uniform bucket-level access. It has to be there."
  type        = string
}

variable "state_prefix" {
  description = "What the checkpoint's key begins with. Only below it an object can be replaced."
  type        = string
  default     = "zenstream/"

  validation {
    condition     = can(regex("^[^/]+/", var.state_prefix))
    error_message = "The prefix begins with a folder's name and a slash: zenstream/."
  }
}

variable "config" {
  description = "The config, as text; without it `zenstream.yaml` beside this file."
  type        = string
  default     = null
}

variable "environment" {
  description = "What the config's variables stand for, such as ZENDESK_SUBDOMAIN."
  type        = map(string)
  default     = {}
}

variable "secrets" {
  description = "Variables that hold secrets, such as ZENDESK_CLIENT_SECRET: the id of a secret in Secret Manager for each. Their values never pass through Terraform."
  type        = map(string)
  default     = {}
}

variable "schedule" {
  description = "When to read, in cron's words, in UTC."
  type        = string
  default     = "*/15 * * * *"
}

variable "timeout" {
  description = "How long one reading may take, in seconds. What is left is read the next time."
  type        = number
  default     = 840
}

variable "memory" {
  description = "The memory of the job."
  type        = string
  default     = "512Mi"
}

variable "labels" {
  description = "On the job."
  type        = map(string)
  default     = {}
}

variable "notification_channels" {
  description = "Monitoring channels that are told when readings fail or none takes place."
  type        = list(string)
  default     = []
}
